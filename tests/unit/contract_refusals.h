/* Broken contracts and what is said of each: place, path, and what would be right. In the texts ' stands for " and ~ for '. */
#pragma once

static const struct refusal {
    const char *name;
    const char *text;
    const char *findings; /* a line each */
} refusals[] = {
    {"the older flat form",
     "[{'table': 'Orders', 'type': 'Table', 'source_table': 'orders', 'pk': 'user_email', 'sk': 'id', 'satisfies': "
     "[1], 'estimated_item_size_bytes': 100,\n"
     " 'gsis': [{'index_name': 'byStatus', 'pk': 'status', 'sk': 'status#id'}],\n"
     " 'attributes': {'id': {'type': 'N', 'source_table': 'orders', 'source_column': 'id'}, 'status': {'type': 'S', "
     "'source_table': 'orders', 'source_column': 'status'},\n"
     " 'user_email': {'type': 'S', 'source_table': 'users', 'source_column': 'email', 'denormalized': true, "
     "'justification': 'x', 'join': {'local_column': 'user_id', 'source_column': 'id'}}}}]",
     ""},
    {"null is absent, x- and documentary keys",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     " 'sk': null, 'ttl': null, 'x-team': {'a': 1}, 'description': 'd', 'source_format': 'f',\n"
     " 'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'email', 'type': 'S', 'source_column': 'email'}]}]",
     ""},
    {"no JSON", "[{'table': ]", "ERR c.json:1:12: not JSON: unexpected character, expected a JSON value\n"},
    {"a version to come",
     "{'version': 2, 'tables': [{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     "'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'email', 'type': 'S', 'source_column': 'email'}]}]}",
     "1:13 $.version: \"version\" must be 1\n"},
    {"no tables", "{'version': 1, 'tables': []}", "1:16 $.tables: the contract has no tables\n"},
    {"missing tables", "{'database': 'online_shopping_store'}", "1:1 $: a contract lacks \"tables\" (a list)\n"},
    {"no version is version 1",
     "{'tables': [{'table': 'Users', 'type': 'multi-entity', 'source_table': 'users', 'entities': [\n"
     "{'entity_type': 'USER', 'source_table': 'online_shopping_store.users', 'pk_template': '{id}', 'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_table': 'online_shopping_store.users', 'source_column': 'id'}]}]}]}",
     ""},
    {"a table of another database",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'other.users',\n"
     "'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'}]}]",
     "1:49 $[0].source_table: \"other.users\": tables of other databases cannot be mapped; name a table of "
     "online_shopping_store\n"},
    {"another database",
     "{'version': 1, 'database': 'other', 'tables': [{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     "'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'email', 'type': 'S', 'source_column': 'email'}]}]}",
     "1:28 $.database: the contract is for database \"other\", the configuration for \"online_shopping_store\"; they "
     "must agree\n"},
    {"an unknown key at the top",
     "{'version': 1, 'tabels': [], 'tables': [{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     "'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'email', 'type': 'S', 'source_column': 'email'}]}]}",
     "1:16 $.tabels: unknown key \"tabels\"; did you mean \"tables\"?\n"},
    {"model output without tables", "{'contract_version': '1.0', 'table_definitions': []}",
     "1:29 $.table_definitions: the contract has no tables\n"},
    {"model output",
     "{'contract_version': '1.0', 'job_id': 'j', 'source_database': 'online_shopping_store', 'target_engine': "
     "'dynamodb',\n"
     "'access_patterns': [{'anything': 1}], 'trade_offs': [], 'validation_passed': true, 'table_definitions': [\n"
     "{'table_name': 'Users', 'aggregate_pattern': 'separate', 'source_tables': ['online_shopping_store.users'],\n"
     " 'partition_key': {'attribute_name': 'id', 'attribute_type': 'N'}, 'sort_key': null, 'entities': null, "
     "'item_count': 5, 'item_size_bytes': 100,\n"
     " 'attributes': [{'name': 'id', 'type': 'N', 'source_table': 'online_shopping_store.users', 'source_column': "
     "'id', 'join': null, 'denormalized': false},\n"
     "  {'name': 'kind', 'type': 'S', 'source_table': 'users', 'source_column': 'is_seller', 'calculation': {'type': "
     "'case',\n"
     "   'cases': [{'when': 'is_seller = 1', 'then': '~seller~'}], 'else_value': '~buyer~'}}],\n"
     " 'gsis': [{'gsi_name': 'byKind', 'partition_key': [{'attribute_name': 'kind', 'attribute_type': 'S'}, "
     "{'attribute_name': 'id', 'attribute_type': 'N'}],\n"
     "  'sort_key': null, 'projection': 'INCLUDE', 'projected_attributes': ['kind'], 'item_count': 1, "
     "'item_size_bytes': 1}]}]}",
     ""},
    {"model output of several entities",
     "{'source_database': 'online_shopping_store', 'table_definitions': [\n"
     "{'table_name': 'Shop', 'aggregate_pattern': 'item_collection', 'partition_key': {'attribute_name': 'pk', "
     "'attribute_type': 'S'}, 'sort_key': {'attribute_name': 'sk', 'attribute_type': 'S'},\n"
     " 'entities': [{'entity_type': 'USER', 'source_table': 'users', 'pk_template': 'USER#{id}', 'sk_template': "
     "'PROFILE',\n"
     "  'attributes': [{'name': 'id', 'type': 'N', 'source_table': 'online_shopping_store.users', 'source_column': "
     "'id'}]}], 'gsis': []}]}",
     ""},
    {"model output says more",
     "{'table_definitions': [\n"
     "{'table_name': 'Users', 'owner': 'me', 'partition_keys': 1, 'partition_key': {'attribute_name': 'id', "
     "'attribute_type': 'N'},\n"
     " 'attributes': [{'name': 'id', 'type': 'N', 'source_table': 'online_shopping_store.users', 'source_column': "
     "'id'}],\n"
     " 'gsis': [{'gsi_name': 'byId', 'partition_key': {'attribute_name': 'id', 'note': 1}, 'projektion': 'ALL'}]}], "
     "'remarks': []}",
     "warning 2:25 $.table_definitions[0].owner: the key \"owner\" says nothing here and is ignored; known: "
     "table_name, aggregate_pattern, source_tables, partition_key, sort_key, attributes, entities, gsis, item_count, "
     "item_size_bytes\n"
     "warning 2:40 $.table_definitions[0].partition_keys: the key \"partition_keys\" says nothing here and is ignored; "
     "did you mean \"partition_key\"?\n"
     "warning 4:74 $.table_definitions[0].gsis[0].partition_key.note: the key \"note\" says nothing here and is "
     "ignored; known: attribute_name, attribute_type\n"
     "warning 4:86 $.table_definitions[0].gsis[0].projektion: the key \"projektion\" says nothing here and is ignored; "
     "did you mean \"projection\"?\n"
     "warning 4:111 $.remarks: the key \"remarks\" says nothing here and is ignored; known: contract_version, job_id, "
     "source_database, target_engine, table_definitions, access_patterns, unsupported_patterns, migration_notes, "
     "hot_partition_analysis, trade_offs, validation_passed, validation_failures\n"},
    {"model output of another database and engine",
     "{'source_database': 'other', 'target_engine': 'documentdb', 'table_definitions': [\n"
     "{'table_name': 'Users', 'partition_key': {'attribute_name': 'id', 'attribute_type': 'N'},\n"
     " 'attributes': [{'name': 'id', 'type': 'N', 'source_column': 'id', 'source_table': 'other.users'}]}]}",
     "1:21 $.source_database: the contract is for database \"other\", the configuration for \"online_shopping_store\"; "
     "they must agree\n"
     "1:47 $.target_engine: the target engine is \"documentdb\"; only \"dynamodb\" can be kept\n"},
    {"model output: keys",
     "{'table_definitions': [\n"
     "{'table_name': 'Users', 'partition_key': {'attribute_name': 'id', 'attribute_type': 'S'},\n"
     " 'attributes': [{'name': 'id', 'type': 'N', 'source_table': 'online_shopping_store.users', 'source_column': "
     "'id'}],\n"
     " 'gsis': [{'gsi_name': 'one', 'partition_key': []}, {'gsi_name': 'two', 'partition_key': [{'attribute_type': "
     "'S'}]},\n"
     "  {'gsi_name': 'three', 'partition_key': [{'attribute_name': 'id', 'attribute_type': 'N'}, {'attribute_name': "
     "'id', 'attribute_type': 'S'}]},\n"
     "  {'gsi_name': 'four', 'partition_key': 'id'}, {'gsi_name': 'five', 'partition_key': ['id']}]},\n"
     "{'table_name': 'More', 'partition_key': [{'attribute_name': 'id'}], 'attributes': []}]}",
     "2:85 $.table_definitions[0].partition_key.attribute_type: the key is of type S, its attribute \"id\" of type N\n"
     "4:31 $.table_definitions[0].gsis[0].partition_key: this list is empty; it must hold at least one key\n"
     "4:92 $.table_definitions[0].gsis[1].partition_key[0]: a key lacks \"attribute_name\" (a string)\n"
     "5:111 $.table_definitions[0].gsis[2].partition_key[1].attribute_name: \"id\" stands in this key twice\n"
     "5:135 $.table_definitions[0].gsis[2].partition_key[1].attribute_type: the key is of type S, its attribute \"id\" "
     "of type N\n"
     "6:41 $.table_definitions[0].gsis[3].partition_key: \"partition_key\" is a string; it must be a list or an "
     "object\n"
     "6:87 $.table_definitions[0].gsis[4].partition_key[0]: a key must be an object, not a string\n"
     "7:2 $.table_definitions[1]: a table definition needs either \"attributes\" or \"entities\"\n"
     "7:24 $.table_definitions[1].partition_key: \"partition_key\" is a list; it must be an object\n"},
    {"model output: neither attributes nor entities, or no root",
     "{'table_definitions': [\n"
     "{'table_name': 'Users', 'partition_key': {'attribute_name': 'id', 'attribute_type': 'N'}, 'attributes': [], "
     "'entities': []},\n"
     "{'table_name': 'Both', 'partition_key': {'attribute_name': 'id', 'attribute_type': 'N'},\n"
     " 'attributes': [{'name': 'id', 'type': 'N', 'source_table': 'online_shopping_store.users', 'source_column': "
     "'id'}],\n"
     " 'entities': [{'entity_type': 'USER', 'source_table': 'users', 'pk_template': '{id}', 'attributes': []}]},\n"
     "{'table_name': 'None', 'partition_key': {'attribute_name': 'id', 'attribute_type': 'N'},\n"
     " 'attributes': [{'name': 'id', 'type': 'N', 'source_table': 'users', 'source_column': 'id',\n"
     "  'join': {'type': 'foreign-key', 'target_table': 'users', 'join_condition': 'users.id = orders.user_id', "
     "'select_column': 'id'}}]}]}",
     "2:2 $.table_definitions[0]: a table definition needs either \"attributes\" or \"entities\"\n"
     "3:2 $.table_definitions[1]: a table definition needs either \"attributes\" or \"entities\"\n"
     "6:2 $.table_definitions[2]: no attribute of this table comes straight from a column (\"source_table\", without "
     "\"join\" and \"calculation\"), so nothing says which rows make its items\n"},
    {"model output: places inside",
     "{'table_definitions': [\n"
     "{'table_name': 'Users', 'partition_key': {'attribute_name': 'id', 'attribute_type': 'N'},\n"
     " 'attributes': [{'name': 'id', 'type': 'N', 'source_table': 'users', 'source_column': 'id'},\n"
     "  {'name': 'e', 'type': 'S', 'source_table': 'users', 'source_column': 'emali'},\n"
     "  {'name': 'o', 'type': 'S', 'source_table': 'orders', 'source_column': 'status'},\n"
     "  {'name': 'p', 'typ': 'S', 'source_table': 'users', 'source_column': 'email'},\n"
     "  {'name': 'c', 'type': 'S', 'source_table': 'users', 'source_column': 'id', 'calculation': {'type': 'case',\n"
     "   'cases': [{'when': 'id = 1', 'then': '1'}], 'else': '2', 'else_value': '3'}}]}]}",
     "4:72 $.table_definitions[0].attributes[1].source_column: table \"users\" has no column \"emali\"; did you mean "
     "\"email\"?\n"
     "5:46 $.table_definitions[0].attributes[2].source_table: the row here is of \"users\"; a column of \"orders\" "
     "needs a \"join\"\n"
     "6:4 $.table_definitions[0].attributes[3]: an attribute lacks \"type\" (a string)\n"
     "6:17 $.table_definitions[0].attributes[3].typ: unknown key \"typ\"; did you mean \"type\"?\n"
     "8:75 $.table_definitions[0].attributes[4].calculation.else_value: \"else\" and \"else_value\" say the same; keep "
     "one\n"},
    {"neither list nor object", "5", "1:1 $: a contract must be an object, not a number\n"},
    {"a table that is no object", "['Users']", "1:2 $[0]: a single-entity table must be an object, not a string\n"},
    {"an unknown key",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     " 'gsi': [],\n"
     " 'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'email', 'type': 'S', 'source_column': 'email'}]}]",
     "2:2 $[0].gsi: unknown key \"gsi\"; did you mean \"gsis\"?\n"},
    {"a key twice",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     " 'ttl': 'id', 'ttl': 'id',\n"
     " 'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'email', 'type': 'S', 'source_column': 'email'}]}]",
     "2:15 $[0].ttl: \"ttl\" stands here twice; keep one\n"},
    {"documentary keys are no errors, others are",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     " 'description': 'x', 'x-owner': 'me',\n"
     " 'nonsense_key': 1,\n"
     "'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'email', 'type': 'S', 'source_column': 'email'}]}]",
     "3:2 $[0].nonsense_key: unknown key \"nonsense_key\"; known: table, type, pk, sk, gsis, billing, ttl, "
     "entity_type, source_table, attributes, filter, write_entity_type, ...\n"},
    {"an unknown kind of table",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     " 'type': 'multi_entity',\n"
     " 'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'email', 'type': 'S', 'source_column': 'email'}]}]",
     "2:10 $[0].type: unknown type \"multi_entity\"; it must be \"single-entity\" or \"multi-entity\"\n"},
    {"a short table name",
     "[{'table': 'U', 'pk': 'id', 'source_table': 'users',\n"
     "'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'email', 'type': 'S', 'source_column': 'email'}]}]",
     "1:12 $[0].table: table \"U\" must be 3 to 255 characters of a-z, A-Z, 0-9, '_', '-' and '.'\n"},
    {"a table name's characters",
     "[{'table': 'My Users', 'pk': 'id', 'source_table': 'users',\n"
     "'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'email', 'type': 'S', 'source_column': 'email'}]}]",
     "1:12 $[0].table: table \"My Users\" must be 3 to 255 characters of a-z, A-Z, 0-9, '_', '-' and '.'\n"},
    {"a reserved table name",
     "[{'table': 'leat_users', 'pk': 'id', 'source_table': 'users',\n"
     "'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'email', 'type': 'S', 'source_column': 'email'}]}]",
     "1:12 $[0].table: table \"leat_users\": names that begin with leat_ are reserved\n"},
    {"a table twice",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     "'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'email', 'type': 'S', 'source_column': 'email'}]},\n"
     "{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     "'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'email', 'type': 'S', 'source_column': 'email'}]}]",
     "5:11 $[1].table: table \"Users\" stands here twice; entities of one table go into one \"entities\" list\n"},
    {"wrong JSON types",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     " 'gsis': {}, 'ttl': 5, 'billing': 'cheap',\n"
     " 'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'email', 'type': 'S', 'source_column': 'email'}]}]",
     "2:2 $[0].gsis: \"gsis\" is an object; it must be a list\n"
     "2:21 $[0].ttl: \"ttl\" is a number; it must be a string\n"
     "2:35 $[0].billing: \"billing\" must be \"PAY_PER_REQUEST\" or {\"read\": units, \"write\": units}\n"},
    {"missing keys", "[{'table': 'Users'}]",
     "1:3 $[0]: a single-entity table lacks \"pk\" (a value)\n"
     "1:3 $[0]: a single-entity table lacks \"source_table\" (a string)\n"
     "1:3 $[0]: a single-entity table lacks \"attributes\" (a list or an object)\n"},
    {"no partition key",
     "[{'table': 'Users', 'source_table': 'users',\n"
     "'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'email', 'type': 'S', 'source_column': 'email'}]}]",
     "1:3 $[0]: a single-entity table lacks \"pk\" (a value)\n"},
    {"a partition key that nothing gives",
     "[{'table': 'Users', 'pk': 'user', 'source_table': 'users',\n"
     "'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'email', 'type': 'S', 'source_column': 'email'}]}]",
     "1:27 $[0].pk: \"{user}\" is neither an attribute nor a column of \"users\"; known: id, email, id, username, "
     "email, password_hash, first_name, last_name, is_seller, created_at, updated_at\n"},
    {"a key of type BOOL",
     "[{'table': 'Users', 'pk': 'sell', 'source_table': 'users',\n"
     "'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'email', 'type': 'S', 'source_column': 'email'},\n"
     " {'name': 'sell', 'type': 'BOOL', 'source_column': 'is_seller'}]}]",
     "5:27 $[0].attributes[2].type: attribute \"sell\" is a key and of type BOOL; keys are of type S, N or B\n"},
    {"a key's type against its attribute",
     "[{'table': 'Users', 'pk': {'name': 'id', 'type': 'S'}, 'source_table': 'users',\n"
     "'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'email', 'type': 'S', 'source_column': 'email'}]}]",
     "1:50 $[0].pk.type: the key is of type S, its attribute \"id\" of type N\n"},
    {"a key of an unknown type",
     "[{'table': 'Users', 'pk': {'name': 'username', 'type': 'L'}, 'source_table': 'users',\n"
     "'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'email', 'type': 'S', 'source_column': 'email'}]}]",
     "1:56 $[0].pk.type: a key of type \"L\"; keys are of type S, N or B\n"},
    {"one key twice",
     "[{'table': 'Users', 'pk': 'id', 'sk': 'id', 'source_table': 'users',\n"
     "'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'email', 'type': 'S', 'source_column': 'email'}]}]",
     "1:3 $[0]: partition key and sort key have one name: \"id\"\n"},
    {"an unknown source table",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'user',\n"
     "'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'email', 'type': 'S', 'source_column': 'email'}]}]",
     "1:49 $[0].source_table: database online_shopping_store has no table \"user\"; did you mean \"users\"?\n"},
    {"a table of another database",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'other.users',\n"
     "'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'email', 'type': 'S', 'source_column': 'email'}]}]",
     "1:49 $[0].source_table: \"other.users\": tables of other databases cannot be mapped; name a table of "
     "online_shopping_store\n"},
    {"a table without a key",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'keyless',\n"
     "'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'email', 'type': 'S', 'source_column': 'email'}]}]",
     "1:49 $[0].source_table: table \"keyless\" has neither a primary key nor a unique key over NOT NULL columns; add "
     "one\n"},
    {"a time to live that is no number",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     " 'ttl': 'email',\n"
     " 'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'email', 'type': 'S', 'source_column': 'email'}]}]",
     "5:28 $[0].attributes[1].type: attribute \"email\" is the time to live and of type S; it must be N (epoch "
     "seconds)\n"},
    {"a time to live that nobody writes",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     " 'ttl': 'expires',\n"
     " 'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'email', 'type': 'S', 'source_column': 'email'}]}]",
     "2:9 $[0].ttl: no entity of this table writes the attribute \"expires\"; known: id, email\n"},
    {"provisioned units",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     " 'billing': {'read': 0, 'writes': 5},\n"
     " 'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'email', 'type': 'S', 'source_column': 'email'}]}]",
     "2:2 $[0].billing: \"billing\" lacks \"write\" (a whole number from 1)\n"
     "2:22 $[0].billing.read: \"read\" is a number; it must be a whole number from 1\n"
     "2:25 $[0].billing.writes: unknown key \"writes\"; did you mean \"write\"?\n"},
    {"an index over nothing",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     " 'gsis': [{'index_name': 'GSI', 'pk': 'emial'}],\n"
     " 'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'email', 'type': 'S', 'source_column': 'email'}]}]",
     "2:39 $[0].gsis[0].pk: no entity of this table writes the attribute \"emial\"; did you mean \"email\"?\n"},
    {"an index without a key, with unknown keys",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     " 'gsis': [{'name': 'GSI', 'index_name': 'GSI'}],\n"
     " 'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'email', 'type': 'S', 'source_column': 'email'}]}]",
     "2:12 $[0].gsis[0].name: unknown key \"name\"; known: index_name, pk, sk, projection, projected_attributes\n"
     "2:12 $[0].gsis[0]: an index lacks \"pk\" (a value)\n"},
    {"an index name",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     " 'gsis': [{'index_name': 'g!', 'pk': 'email'}],\n"
     " 'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'email', 'type': 'S', 'source_column': 'email'}]}]",
     "2:26 $[0].gsis[0].index_name: index \"g!\" must be 3 to 255 characters of a-z, A-Z, 0-9, '_', '-' and '.'\n"},
    {"an index twice",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     " 'gsis': [{'index_name': 'GSI', 'pk': 'email'},\n"
     " {'index_name': 'GSI', 'pk': 'id'}],\n"
     " 'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'email', 'type': 'S', 'source_column': 'email'}]}]",
     "3:17 $[0].gsis[1].index_name: index \"GSI\" stands here twice\n"},
    {"an index over a list",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     " 'gsis': [{'index_name': 'GSI', 'pk': 'items'}],\n"
     " 'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'email', 'type': 'S', 'source_column': 'email'},\n"
     " {'name': 'items', 'type': 'SS', 'source_column': 'email'}]}]",
     "6:28 $[0].attributes[2].type: attribute \"items\" is a key and of type SS; keys are of type S, N or B\n"
     "6:28 $[0].attributes[2].type: users.email (TEXT) cannot be written as type SS; it can be S, N, B\n"},
    {"a projection",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     " 'gsis': [{'index_name': 'GSI', 'pk': 'email', 'projection': 'INCLUDES'}],\n"
     " 'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'email', 'type': 'S', 'source_column': 'email'}]}]",
     "2:62 $[0].gsis[0].projection: unknown projection \"INCLUDES\"; did you mean \"INCLUDE\"?\n"},
    {"INCLUDE without attributes",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     " 'gsis': [{'index_name': 'GSI', 'pk': 'email', 'projection': 'INCLUDE'}],\n"
     " 'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'email', 'type': 'S', 'source_column': 'email'}]}]",
     "2:62 $[0].gsis[0].projection: \"projected_attributes\" goes with \"projection\": \"INCLUDE\", and only with "
     "it\n"},
    {"attributes without INCLUDE",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     " 'gsis': [{'index_name': 'GSI', 'pk': 'email', 'projected_attributes': ['id']}],\n"
     " 'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'email', 'type': 'S', 'source_column': 'email'}]}]",
     "2:48 $[0].gsis[0].projected_attributes: \"projected_attributes\" goes with \"projection\": \"INCLUDE\", and only "
     "with it\n"},
    {"too many parts",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     " 'gsis': [{'index_name': 'GSI', 'pk': ['id', 'id', 'id', 'id', 'email']}],\n"
     " 'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'email', 'type': 'S', 'source_column': 'email'}]}]",
     "2:33 $[0].gsis[0].pk: an index key has at most 4 attributes\n"
     "2:46 $[0].gsis[0].pk[1]: \"id\" stands in this key twice\n"
     "2:52 $[0].gsis[0].pk[2]: \"id\" stands in this key twice\n"
     "2:58 $[0].gsis[0].pk[3]: \"id\" stands in this key twice\n"},
    {"too many indexes",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     " 'gsis': [{'index_name': 'GSI0', 'pk': 'email'},\n"
     "{'index_name': 'GSI1', 'pk': 'email'},\n"
     "{'index_name': 'GSI2', 'pk': 'email'},\n"
     "{'index_name': 'GSI3', 'pk': 'email'},\n"
     "{'index_name': 'GSI4', 'pk': 'email'},\n"
     "{'index_name': 'GSI5', 'pk': 'email'},\n"
     "{'index_name': 'GSI6', 'pk': 'email'},\n"
     "{'index_name': 'GSI7', 'pk': 'email'},\n"
     "{'index_name': 'GSI8', 'pk': 'email'},\n"
     "{'index_name': 'GSI9', 'pk': 'email'},\n"
     "{'index_name': 'GSI10', 'pk': 'email'},\n"
     "{'index_name': 'GSI11', 'pk': 'email'},\n"
     "{'index_name': 'GSI12', 'pk': 'email'},\n"
     "{'index_name': 'GSI13', 'pk': 'email'},\n"
     "{'index_name': 'GSI14', 'pk': 'email'},\n"
     "{'index_name': 'GSI15', 'pk': 'email'},\n"
     "{'index_name': 'GSI16', 'pk': 'email'},\n"
     "{'index_name': 'GSI17', 'pk': 'email'},\n"
     "{'index_name': 'GSI18', 'pk': 'email'},\n"
     "{'index_name': 'GSI19', 'pk': 'email'},\n"
     "{'index_name': 'GSI20', 'pk': 'email'}],\n"
     " 'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'email', 'type': 'S', 'source_column': 'email'}]}]",
     "2:2 $[0].gsis: 21 indexes; a table has at most 20\n"},
    {"an attribute without name and type",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     "'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'email', 'type': 'S', 'source_column': 'email'},\n"
     " {'source_column': 'email'}]}]",
     "5:3 $[0].attributes[2]: an attribute lacks \"type\" (a string)\n"
     "5:3 $[0].attributes[2]: an attribute lacks \"name\" (a string)\n"},
    {"an unknown type",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     "'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'email', 'type': 'S', 'source_column': 'email'},\n"
     " {'name': 'x', 'type': 'STRING', 'source_column': 'email'}]}]",
     "5:24 $[0].attributes[2].type: unknown type \"STRING\"; known: S, N, B, BOOL, NULL, SS, NS, BS, L, M\n"},
    {"an unknown column",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     "'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'email', 'type': 'S', 'source_column': 'email'},\n"
     " {'name': 'x', 'type': 'S', 'source_column': 'user_name'}]}]",
     "5:46 $[0].attributes[2].source_column: table \"users\" has no column \"user_name\"; did you mean "
     "\"username\"?\n"},
    {"an attribute twice",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     "'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'email', 'type': 'S', 'source_column': 'email'},\n"
     " {'name': 'email', 'type': 'S', 'source_column': 'email'}]}]",
     "5:11 $[0].attributes[2].name: attribute \"email\" stands here twice\n"},
    {"a reserved attribute",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     "'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'email', 'type': 'S', 'source_column': 'email'},\n"
     " {'name': 'leat_v', 'type': 'S', 'source_column': 'email'}]}]",
     "5:11 $[0].attributes[2].name: attribute \"leat_v\": names that begin with leat_ are reserved\n"},
    {"no value",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     "'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'email', 'type': 'S', 'source_column': 'email'},\n"
     " {'name': 'x', 'type': 'S'}]}]",
     "5:3 $[0].attributes[2]: attribute \"x\" lacks its value: one of \"source_column\", \"template\", \"expr\", "
     "\"join\", \"calculation\"\n"},
    {"two values",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     "'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'email', 'type': 'S', 'source_column': 'email'},\n"
     " {'name': 'x', 'type': 'S', 'template': '{id}', 'expr': 'id'}]}]",
     "5:3 $[0].attributes[2]: attribute \"x\" has more than one of \"template\", \"expr\", \"join\" and "
     "\"calculation\"; keep one\n"},
    {"a column of another table",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     "'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'email', 'type': 'S', 'source_column': 'email'},\n"
     " {'name': 'x', 'type': 'S', 'source_table': 'orders', 'source_column': 'id'}]}]",
     "5:45 $[0].attributes[2].source_table: the row here is of \"users\"; a column of \"orders\" needs a \"join\"\n"},
    {"BOOL from text",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     "'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'email', 'type': 'S', 'source_column': 'email'},\n"
     " {'name': 'x', 'type': 'BOOL', 'source_column': 'email'}]}]",
     "5:24 $[0].attributes[2].type: users.email (TEXT) cannot be written as type BOOL; it can be S, N, B\n"},
    {"N from a set's neighbour, L from a number",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     "'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'email', 'type': 'S', 'source_column': 'email'},\n"
     " {'name': 'x', 'type': 'L', 'source_column': 'id'}]}]",
     "5:24 $[0].attributes[2].type: users.id (INT) cannot be written as type L; it can be S, N, BOOL\n"},
    {"null_value of another type",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     "'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'email', 'type': 'S', 'source_column': 'email'},\n"
     " {'name': 'x', 'type': 'N', 'source_column': 'id', 'null_value': 'none'}]}]",
     "5:66 $[0].attributes[2].null_value: \"null_value\" is of type S, the attribute of type N\n"},
    {"calculations and transformations",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     "'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'email', 'type': 'S', 'source_column': 'email'},\n"
     " {'name': 'x', 'type': 'N', 'calculation': {'type': 'aggregate', 'operation': 'SUN', 'target_table': 'orders', "
     "'join_condition': 'orders.user_id = users.id'},\n"
     "  'transformation': {'type': 'mask'}}]}]",
     "6:3 $[0].attributes[2].transformation: a transformation takes the value of one row, not of several; transform "
     "what it is made of\n"},
    {"cases",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     "'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'email', 'type': 'S', 'source_column': 'email'},\n"
     " {'name': 'x', 'type': 'BOOL', 'calculation': {'type': 'case', 'cases': [{'when': 'id = 1', 'then': '1'},\n"
     "   {'when': 'idd = 1', 'then': '0'}, {'when': 'id = 2'}]}},\n"
     " {'name': 'y', 'type': 'N', 'calculation': {'type': 'case', 'cases': []}},\n"
     " {'name': 'z', 'type': 'BOOL', 'calculation': {'type': 'case', 'cases': [{'when': 'id = 2', 'then': "
     "'email'}]}},\n"
     " {'name': 'q', 'type': 'BOOL', 'calculation': {'type': 'switch', 'cases': [{'when': 'id = 2', 'then': '1'}]}}]}]",
     "6:13 $[0].attributes[2].calculation.cases[1].when: table \"users\" has no column \"idd\"; did you mean \"id\"?\n"
     "6:39 $[0].attributes[2].calculation.cases[2]: a case lacks \"then\" (a string)\n"
     "7:61 $[0].attributes[3].calculation.cases: this list is empty; it must hold at least one case\n"
     "8:24 $[0].attributes[4].type: users.email (TEXT) cannot be written as type BOOL; it can be S, N, B\n"
     "9:56 $[0].attributes[5].calculation.type: unknown calculation \"switch\"; known: case, aggregate\n"},
    {"several columns",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     "'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'email', 'type': 'S', 'source_column': 'email'},\n"
     " {'name': 'x', 'type': 'S', 'source_column': ['id', 'email']}]}]",
     "5:3 $[0].attributes[2]: attribute \"x\": several columns need a \"template\", an \"expr\" or a \"join\"\n"},
    {"a token that is nothing",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     "'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'email', 'type': 'S', 'source_column': 'email'},\n"
     " {'name': 'x', 'type': 'S', 'template': '{emial}'}]}]",
     "5:41 $[0].attributes[2].template: \"{emial}\" is neither an attribute nor a column of \"users\"; did you mean "
     "\"email\"?\n"},
    {"a brace without end",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     "'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'email', 'type': 'S', 'source_column': 'email'},\n"
     " {'name': 'x', 'type': 'S', 'template': 'a{id'}]}]",
     "5:41 $[0].attributes[2].template: in template \"a{id\" at character 2: \"{\" without \"}\"; write \"{{\" for a "
     "brace\n"},
    {"a brace without beginning",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     "'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'email', 'type': 'S', 'source_column': 'email'},\n"
     " {'name': 'x', 'type': 'S', 'template': 'a}b'}]}]",
     "5:41 $[0].attributes[2].template: in template \"a}b\" at character 2: a single \"}\"; write \"}}\" for a "
     "brace\n"},
    {"an empty token",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     "'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'email', 'type': 'S', 'source_column': 'email'},\n"
     " {'name': 'x', 'type': 'S', 'template': '{}'}]}]",
     "5:41 $[0].attributes[2].template: in template \"{}\" at character 1: a token is {name} or {name|default}\n"},
    {"an empty template",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     "'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'email', 'type': 'S', 'source_column': 'email'},\n"
     " {'name': 'x', 'type': 'S', 'template': ''}]}]",
     "5:41 $[0].attributes[2].template: a template must not be empty\n"},
    {"templates in a circle",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     "'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'email', 'type': 'S', 'source_column': 'email'},\n"
     " {'name': 'x', 'type': 'S', 'template': '{y}'},\n"
     " {'name': 'y', 'type': 'S', 'template': '{x}'}]}]",
     "5:41 $[0].attributes[2].template: the template of \"x\" needs itself, by way of other templates\n"},
    {"a template as BOOL",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     "'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'email', 'type': 'S', 'source_column': 'email'},\n"
     " {'name': 'x', 'type': 'BOOL', 'template': '{id}'}]}]",
     "5:24 $[0].attributes[2].type: a template cannot be written as type BOOL; it gives S, or N\n"},
    {"JSON text of rows in a template",
     "[{'table': 'Orders', 'pk': 'id', 'source_table': 'orders', 'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'items', 'type': 'S',\n"
     "  'join': {'type': 'json-construction', 'target_table': 'order_items', 'join_condition': 'order_items.order_id = "
     "orders.id',\n"
     "  'construction': {'type': 'array', 'select_columns': {'q': 'quantity'}}}},\n"
     " {'name': 'y', 'type': 'S', 'template': '{items}'}]}]",
     "6:41 $[0].attributes[2].template: \"{items}\" is JSON text of joined rows; a template takes no lists\n"},
    {"JSON text of rows as a key",
     "[{'table': 'Orders', 'pk': 'items', 'source_table': 'orders', 'attributes': [\n"
     " {'name': 'items', 'type': 'S',\n"
     "  'join': {'type': 'json-construction', 'target_table': 'order_items', 'join_condition': 'order_items.order_id = "
     "orders.id',\n"
     "  'construction': {'type': 'array', 'select_columns': {'q': 'quantity'}}}}]}]",
     "1:28 $[0].pk: the partition key \"items\" is JSON text of joined rows; a key takes no lists\n"},
    {"a list in a template",
     "[{'table': 'Orders', 'pk': 'id', 'source_table': 'orders', 'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'items', 'type': 'L',\n"
     "  'join': {'type': 'json-construction', 'target_table': 'order_items', 'join_condition': 'order_items.order_id = "
     "orders.id',\n"
     "  'construction': {'type': 'array', 'select_columns': {'q': 'quantity'}}}},\n"
     " {'name': 'y', 'type': 'S', 'template': '{items}'}]}]",
     "6:41 $[0].attributes[2].template: \"{items}\" is of type L; a template takes only S, N, B and BOOL\n"},
    {"an unknown join",
     "[{'table': 'Orders', 'pk': 'id', 'source_table': 'orders', 'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'x', 'type': 'S',\n"
     "  'join': {'type': 'foreign_key', 'target_table': 'users'}}]}]",
     "4:20 $[0].attributes[1].join.type: unknown join type \"foreign_key\"; did you mean \"foreign-key\"?\n"},
    {"a join to come",
     "[{'table': 'Orders', 'pk': 'id', 'source_table': 'orders', 'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'x', 'type': 'S',\n"
     "  'join': {'type': 'exists-check', 'target_table': 'users', 'join_condition': 'users.id = orders.user_id'}}]}]",
     "3:24 $[0].attributes[1].type: an exists-check is written as BOOL, not as S\n"},
    {"a conditional's missing and wrong parts",
     "[{'table': 'Orders', 'pk': 'id', 'source_table': 'orders', 'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'x', 'type': 'S',\n"
     "  'join': {'type': 'conditional', 'condition': 'orders.idd = 1', 'target_table': 'users', 'else_value': [1],\n"
     "   'join_condition': 'users.id = orders.user_id'}}]}]",
     "4:3 $[0].attributes[1].join: a join of type \"conditional\" lacks \"select_column\"\n"
     "4:48 $[0].attributes[1].join.condition: table \"orders\" has no column \"idd\"; did you mean \"id\"?\n"
     "4:91 $[0].attributes[1].join.else_value: a literal must be a string, a number, true, false or null\n"},
    {"a conditional's two ends",
     "[{'table': 'Orders', 'pk': 'id', 'source_table': 'orders', 'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'x', 'type': 'S',\n"
     "  'join': {'type': 'conditional', 'condition': 'orders.id = 1', 'target_table': 'users', 'else_value': 1, "
     "'else_expr': 'id',\n"
     "   'join_condition': 'users.id = orders.user_id', 'select_column': 'email'}}]}]",
     "4:120 $[0].attributes[1].join.else_expr: \"else_expr\" and \"else_value\" stand here; keep one\n"},
    {"an else_value that is a column: a warning",
     "[{'table': 'Orders', 'pk': 'id', 'source_table': 'orders', 'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'x', 'type': 'S',\n"
     "  'join': {'type': 'conditional', 'condition': 'orders.id = 1', 'target_table': 'users', 'else_value': "
     "'orders.status',\n"
     "   'join_condition': 'users.id = orders.user_id', 'select_column': 'email'}}]}]",
     "warning 4:104 $[0].attributes[1].join.else_value: \"orders.status\" is taken as a column; say so with "
     "\"else_expr\"\n"},
    {"a lookup's branches",
     "[{'table': 'Orders', 'pk': 'id', 'source_table': 'orders', 'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'x', 'type': 'S',\n"
     "  'join': {'type': 'polymorphic-lookup', 'type_column': 'status', 'branches': [{'when_type_value': true, "
     "'target_table': 'users', 'join_condition': 'users.id = orders.user_id', 'select_column': 'email'},\n"
     "   {'target_table': 'users', 'join_condition': 'users.id = orders.user_id', 'select_column': 'mail'}]}}]}]",
     "4:81 $[0].attributes[1].join.branches[0].when_type_value: \"when_type_value\" must be a string or a number\n"
     "5:5 $[0].attributes[1].join.branches[1]: a join of type \"branch\" lacks \"when_type_value\"\n"
     "5:94 $[0].attributes[1].join.branches[1].select_column: table \"users\" has no column \"mail\"; did you mean "
     "\"email\"?\n"},
    {"a lookup without branches",
     "[{'table': 'Orders', 'pk': 'id', 'source_table': 'orders', 'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'x', 'type': 'S',\n"
     "  'join': {'type': 'polymorphic-lookup', 'type_column': 'status', 'branches': []}}]}]",
     "4:67 $[0].attributes[1].join.branches: this list is empty; it must hold at least one branch\n"},
    {"no kind of join",
     "[{'table': 'Orders', 'pk': 'id', 'source_table': 'orders', 'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'x', 'type': 'S', 'join': {'target_table': 'users'}}]}]",
     "3:29 $[0].attributes[1].join: a join lacks \"type\"; known: foreign-key, self-join, lookup-table, multi-column, "
     "conditional, chain, polymorphic-lookup, json-construction, aggregated-list, exists-check\n"},
    {"a join's missing keys",
     "[{'table': 'Orders', 'pk': 'id', 'source_table': 'orders', 'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'x', 'type': 'S',\n"
     "  'join': {'type': 'foreign-key', 'target_table': 'users'}}]}]",
     "4:3 $[0].attributes[1].join: a join of type \"foreign-key\" lacks \"join_condition\"\n"
     "4:3 $[0].attributes[1].join: a join of type \"foreign-key\" lacks \"select_column\"\n"},
    {"a join's foreign keys",
     "[{'table': 'Orders', 'pk': 'id', 'source_table': 'orders', 'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'x', 'type': 'S',\n"
     "  'join': {'type': 'foreign-key', 'target_table': 'users', 'join_condition': 'users.id = orders.user_id', "
     "'select_column': 'users.email',\n"
     "   'else_value': 'x'}}]}]",
     "4:3 $[0].attributes[1].join: a join of type \"foreign-key\": \"else_value\" does not belong there\n"},
    {"an unknown target",
     "[{'table': 'Orders', 'pk': 'id', 'source_table': 'orders', 'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'x', 'type': 'S',\n"
     "  'join': {'type': 'foreign-key', 'target_table': 'usres', 'join_condition': 'usres.id = orders.user_id', "
     "'select_column': 'usres.email'}}]}]",
     "4:51 $[0].attributes[1].join.target_table: database online_shopping_store has no table \"usres\"; did you mean "
     "\"users\"?\n"},
    {"a join without equality",
     "[{'table': 'Orders', 'pk': 'id', 'source_table': 'orders', 'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'x', 'type': 'S',\n"
     "  'join': {'type': 'foreign-key', 'target_table': 'users', 'join_condition': 'users.id > orders.user_id', "
     "'select_column': 'users.email'}}]}]",
     "4:78 $[0].attributes[1].join.join_condition: in \"users.id > orders.user_id\" at character 10: a join condition "
     "is equalities between columns: x.a = y.b [AND x.c = y.d]\n"},
    {"an unknown name in a join",
     "[{'table': 'Orders', 'pk': 'id', 'source_table': 'orders', 'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'x', 'type': 'S',\n"
     "  'join': {'type': 'foreign-key', 'target_table': 'users', 'join_condition': 'user.id = orders.user_id', "
     "'select_column': 'users.email'}}]}]",
     "4:78 $[0].attributes[1].join.join_condition: \"user\" is no table or alias of this join; did you mean "
     "\"users\"?\n"},
    {"an unknown column in a join",
     "[{'table': 'Orders', 'pk': 'id', 'source_table': 'orders', 'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'x', 'type': 'S',\n"
     "  'join': {'type': 'foreign-key', 'target_table': 'users', 'join_condition': 'users.id = orders.users_id', "
     "'select_column': 'users.email'}}]}]",
     "4:78 $[0].attributes[1].join.join_condition: table \"orders\" has no column \"users_id\"; did you mean "
     "\"user_id\"?\n"},
    {"an unqualified column in a join",
     "[{'table': 'Orders', 'pk': 'id', 'source_table': 'orders', 'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'x', 'type': 'S',\n"
     "  'join': {'type': 'foreign-key', 'target_table': 'users', 'join_condition': 'users.id = user_id', "
     "'select_column': 'users.email'}}]}]",
     "4:78 $[0].attributes[1].join.join_condition: column \"user_id\" in a join condition needs its table: "
     "orders.user_id or users.user_id\n"},
    {"one side twice",
     "[{'table': 'Orders', 'pk': 'id', 'source_table': 'orders', 'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'x', 'type': 'S',\n"
     "  'join': {'type': 'foreign-key', 'target_table': 'users', 'join_condition': 'orders.id = orders.user_id', "
     "'select_column': 'users.email'}}]}]",
     "4:78 $[0].attributes[1].join.join_condition: \"orders.id = orders.user_id\" does not join: one side must be of "
     "\"users\", the other of \"orders\"\n"},
    {"types that do not compare",
     "[{'table': 'Orders', 'pk': 'id', 'source_table': 'orders', 'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'x', 'type': 'S',\n"
     "  'join': {'type': 'foreign-key', 'target_table': 'users', 'join_condition': 'users.email = orders.user_id', "
     "'select_column': 'users.email'}}]}]",
     "4:78 $[0].attributes[1].join.join_condition: a join cannot compare user_id (INT) with email (TEXT); it compares "
     "numbers, strings, binaries, and temporals of one type\n"},
    {"several rows where one is wanted",
     "[{'table': 'Orders', 'pk': 'id', 'source_table': 'orders', 'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'x', 'type': 'S',\n"
     "  'join': {'type': 'foreign-key', 'target_table': 'order_items', 'join_condition': 'order_items.order_id = "
     "orders.id', 'select_column': 'order_items.quantity'}}]}]",
     "4:84 $[0].attributes[1].join.join_condition: this join can find several rows of \"order_items\"; it must use a "
     "primary or unique key: (id); for several rows there is json-construction\n"},
    {"selecting from elsewhere",
     "[{'table': 'Orders', 'pk': 'id', 'source_table': 'orders', 'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'x', 'type': 'S',\n"
     "  'join': {'type': 'foreign-key', 'target_table': 'users', 'join_condition': 'users.id = orders.user_id', "
     "'select_column': 'orders.status'}}]}]",
     "4:124 $[0].attributes[1].join.select_column: \"orders.status\" is selected, but the joined row is "
     "\"users\"\n"},
    {"selecting an expression",
     "[{'table': 'Orders', 'pk': 'id', 'source_table': 'orders', 'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'x', 'type': 'S',\n"
     "  'join': {'type': 'foreign-key', 'target_table': 'users', 'join_condition': 'users.id = orders.user_id', "
     "'select_column': 'LOWER(orders.status)'}}]}]",
     "4:124 $[0].attributes[1].join.select_column: \"orders.status\" is selected, but the joined row is "
     "\"users\"\n"},
    {"selecting an unknown column",
     "[{'table': 'Orders', 'pk': 'id', 'source_table': 'orders', 'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'x', 'type': 'S',\n"
     "  'join': {'type': 'foreign-key', 'target_table': 'users', 'join_condition': 'users.id = orders.user_id', "
     "'select_column': 'users.mail'}}]}]",
     "4:124 $[0].attributes[1].join.select_column: table \"users\" has no column \"mail\"; did you mean \"email\"?\n"},
    {"a table joined to itself without alias",
     "[{'table': 'Cats', 'pk': 'id', 'source_table': 'categories', 'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'p', 'type': 'S', 'join': {'type': 'foreign-key', 'target_table': 'categories',\n"
     "   'join_condition': 'categories.id = categories.parent_id', 'select_column': 'name'}}]}]",
     "3:29 $[0].attributes[1].join: \"categories\" already names another row of this join; give the far one a "
     "\"join_alias\" and use it in the condition\n"},
    {"a chain with a wrong separator",
     "[{'table': 'Orders', 'pk': 'id', 'source_table': 'orders', 'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'x', 'type': 'S',\n"
     "  'join': {'type': 'chain', 'chain_separator': 5, 'joins': [{'target_table': 'users', 'join_condition': "
     "'users.id = orders.user_id', 'select_column': 'users.email'}]}}]}]",
     "4:48 $[0].attributes[1].join.chain_separator: \"chain_separator\" is a number; it must be a string\n"},
    {"a chain without value",
     "[{'table': 'Orders', 'pk': 'id', 'source_table': 'orders', 'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'x', 'type': 'S',\n"
     "  'join': {'type': 'chain', 'joins': [{'target_table': 'users', 'join_condition': 'users.id = "
     "orders.user_id'}]}}]}]",
     "4:40 $[0].attributes[1].join.joins[0]: the last step of a chain lacks \"select_column\"\n"},
    {"an empty chain",
     "[{'table': 'Orders', 'pk': 'id', 'source_table': 'orders', 'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'x', 'type': 'S',\n"
     "  'join': {'type': 'chain', 'joins': []}}]}]",
     "4:29 $[0].attributes[1].join.joins: this list is empty; it must hold at least one chain step\n"},
    {"a construction of nothing",
     "[{'table': 'Orders', 'pk': 'id', 'source_table': 'orders', 'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'items', 'type': 'L',\n"
     "  'join': {'type': 'json-construction', 'target_table': 'order_items', 'join_condition': 'order_items.order_id = "
     "orders.id',\n"
     "  'construction': {'type': 'array'}}}]}]",
     "5:3 $[0].attributes[1].join.construction: a construction needs either \"select_columns\" or \"attributes\"\n"},
    {"a construction of an unknown kind",
     "[{'table': 'Orders', 'pk': 'id', 'source_table': 'orders', 'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'items', 'type': 'L',\n"
     "  'join': {'type': 'json-construction', 'target_table': 'order_items', 'join_condition': 'order_items.order_id = "
     "orders.id',\n"
     "  'construction': {'type': 'list', 'select_columns': {'q': 'quantity'}}}}]}]",
     "5:28 $[0].attributes[1].join.construction.type: unknown construction \"list\"; it must be \"array\" or "
     "\"object\"\n"},
    {"a construction as N",
     "[{'table': 'Orders', 'pk': 'id', 'source_table': 'orders', 'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'items', 'type': 'N',\n"
     "  'join': {'type': 'json-construction', 'target_table': 'order_items', 'join_condition': 'order_items.order_id = "
     "orders.id',\n"
     "  'construction': {'type': 'array', 'select_columns': {'q': 'quantity'}}}}]}]",
     "3:28 $[0].attributes[1].type: a construction of type \"array\" is written as L, or as S (JSON text), not as N\n"},
    {"an object as L",
     "[{'table': 'Orders', 'pk': 'id', 'source_table': 'orders', 'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'items', 'type': 'L',\n"
     "  'join': {'type': 'json-construction', 'target_table': 'order_items', 'join_condition': 'order_items.order_id = "
     "orders.id',\n"
     "  'construction': {'type': 'object', 'select_columns': {'q': 'quantity'}}}}]}]",
     "3:28 $[0].attributes[1].type: a construction of type \"object\" is written as M, or as S (JSON text), not as "
     "L\n"},
    {"a construction's column",
     "[{'table': 'Orders', 'pk': 'id', 'source_table': 'orders', 'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'items', 'type': 'L',\n"
     "  'join': {'type': 'json-construction', 'target_table': 'order_items', 'join_condition': 'order_items.order_id = "
     "orders.id',\n"
     "  'construction': {'type': 'array', 'select_columns': {'q': 'quantiti', 'p': 5}}}}]}]",
     "5:61 $[0].attributes[1].join.construction.select_columns.q: table \"order_items\" has no column \"quantiti\"; "
     "did you mean \"quantity\"?\n"
     "5:78 $[0].attributes[1].join.construction.select_columns.p: \"p\" is a number; it must be a string\n"},
    {"a construction's order and limit",
     "[{'table': 'Orders', 'pk': 'id', 'source_table': 'orders', 'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'items', 'type': 'L',\n"
     "  'join': {'type': 'json-construction', 'target_table': 'order_items', 'join_condition': 'order_items.order_id = "
     "orders.id',\n"
     "  'construction': {'type': 'array', 'order_by': 'quantity UP', 'limit': 0, 'select_columns': {'q': "
     "'quantity'}}}}]}]",
     "5:49 $[0].attributes[1].join.construction.order_by: in \"quantity UP\" at character 10: an order is: column "
     "[ASC|DESC], ...\n"
     "5:73 $[0].attributes[1].join.construction.limit: \"limit\" is a number; it must be a whole number from 1\n"},
    {"an order by an unknown column",
     "[{'table': 'Orders', 'pk': 'id', 'source_table': 'orders', 'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'items', 'type': 'L',\n"
     "  'join': {'type': 'json-construction', 'target_table': 'order_items', 'join_condition': 'order_items.order_id = "
     "orders.id',\n"
     "  'construction': {'type': 'array', 'order_by': 'idd', 'select_columns': {'q': 'quantity'}}}}]}]",
     "5:49 $[0].attributes[1].join.construction.order_by: table \"order_items\" has no column \"idd\"; did you mean "
     "\"id\"?\n"},
    {"a function",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     "'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'email', 'type': 'S', 'source_column': 'email'},\n"
     " {'name': 'x', 'type': 'S', 'expr': 'CONCATS(email, id)'}]}]",
     "5:37 $[0].attributes[2].expr: in \"CONCATS(email, id)\" at character 9: there is no function CONCATS; did you "
     "mean \"CONCAT\"?\n"},
    {"arithmetic",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     "'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'email', 'type': 'S', 'source_column': 'email'},\n"
     " {'name': 'x', 'type': 'N', 'expr': 'email + 1'}]}]",
     "5:37 $[0].attributes[2].expr: in \"email + 1\" at character 10: + wants a number, not a value of type TEXT\n"},
    {"text against a number",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     "'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'email', 'type': 'S', 'source_column': 'email'},\n"
     " {'name': 'x', 'type': 'BOOL', 'expr': 'id = ~abc~'}]}]",
     "5:40 $[0].attributes[2].expr: in \"id = 'abc'\" at character 11: 'abc' is no number\n"},
    {"a wrong number of arguments",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     "'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'x', 'type': 'S', 'expr': 'IF(id, 1)'}]}]",
     "4:37 $[0].attributes[1].expr: in \"IF(id, 1)\" at character 10: IF takes 3 arguments\n"},
    {"a function of something else",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     "'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'x', 'type': 'S', 'expr': 'LOWER(id, 1)'}]}]",
     "4:37 $[0].attributes[1].expr: in \"LOWER(id, 1)\" at character 13: LOWER takes 1 argument\n"},
    {"a pattern that is none",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     "'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'x', 'type': 'S', 'expr': 'DATE_FORMAT(created_at, ~%Y %Q~)'}]}]",
     "4:37 $[0].attributes[1].expr: in \"DATE_FORMAT(created_at, '%Y %Q')\" at character 33: DATE_FORMAT has no %Q\n"},
    {"digits that are no literal",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     "'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'x', 'type': 'S', 'expr': 'ROUND(id, id)'}]}]",
     "4:37 $[0].attributes[1].expr: in \"ROUND(id, id)\" at character 14: ROUND wants a whole number from -65 to 30 as "
     "its number of digits\n"},
    {"a text as a condition",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     "'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'x', 'type': 'S', 'expr': 'IF(email, 1, 2)'}]}]",
     "4:37 $[0].attributes[1].expr: in \"IF(email, 1, 2)\" at character 16: a condition is expected (a comparison, "
     "say), not a value of type TEXT\n"},
    {"CASE without END",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     "'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'x', 'type': 'S', 'expr': 'CASE WHEN id = 1 THEN 2'}]}]",
     "4:37 $[0].attributes[1].expr: in \"CASE WHEN id = 1 THEN 2\" at character 24: END is expected after CASE\n"},
    {"a time that is none",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     "'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'x', 'type': 'S', 'expr': 'created_at > ~2024-02-30~'}]}]",
     "4:37 $[0].attributes[1].expr: in \"created_at > '2024-02-30'\" at character 26: '2024-02-30' is no DATETIME: "
     "write 'YYYY-MM-DD HH:MM:SS'\n"},
    {"too many digits",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     "'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'x', 'type': 'S', 'expr': '0.1234567890123456789012345678901234 + id'}]}]",
     "4:37 $[0].attributes[1].expr: in \"0.1234567890123456789012345678901234 + id\" at character 38: "
     "0.1234567890123456789012345678901234 has too many digits\n"},
    {"no FROM in TRIM",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     "'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'x', 'type': 'S', 'expr': 'TRIM(LEADING email)'}]}]",
     "4:37 $[0].attributes[1].expr: in \"TRIM(LEADING email)\" at character 19: FROM is expected\n"},
    {"a time and a number",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     "'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'x', 'type': 'S', 'expr': 'created_at > 5'}]}]",
     "4:37 $[0].attributes[1].expr: in \"created_at > 5\" at character 15: TIMESTAMP and INT cannot be compared\n"},
    {"times computed with",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     "'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'x', 'type': 'S', 'expr': 'created_at + 1'}]}]",
     "4:37 $[0].attributes[1].expr: in \"created_at + 1\" at character 15: + wants a number, not a value of type "
     "TIMESTAMP\n"},
    {"no such transformation",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     "'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'x', 'type': 'S', 'source_column': 'id',\n"
     " 'transformation': {'type': 'mesk'}}]}]",
     "5:29 $[0].attributes[1].transformation.type: unknown transformation \"mesk\"; did you mean \"mask\"?\n"},
    {"a mask without key",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     "'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'x', 'type': 'S', 'source_column': 'id',\n"
     " 'transformation': {'type': 'mask', 'format': 'hash'}}]}]",
     "5:47 $[0].attributes[1].transformation.format: a mask of format \"hash\" needs \"mask_key\" in the "
     "configuration\n"},
    {"a mask without format",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     "'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'x', 'type': 'S', 'source_column': 'id',\n"
     " 'transformation': {'type': 'mask'}}]}]",
     "5:2 $[0].attributes[1].transformation: this transformation lacks \"format\"\n"},
    {"a date of a number",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     "'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'x', 'type': 'S', 'source_column': 'id',\n"
     " 'transformation': {'type': 'date-format', 'format': 'YYYY'}}]}]",
     "5:2 $[0].attributes[1].transformation: this transformation wants a DATE, DATETIME or TIMESTAMP, not a value of "
     "type INT\n"},
    {"a date's format",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     "'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'x', 'type': 'S', 'source_column': 'created_at',\n"
     " 'transformation': {'type': 'date-format', 'format': 'yyyy'}}]}]",
     "5:54 $[0].attributes[1].transformation.format: a date's format has YYYY, MM, DD, HH, mm, ss, SSS, or the % "
     "letters of DATE_FORMAT, or is \"epoch\", \"epoch_ms\" or \"iso8601\"\n"},
    {"a number's format",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     "'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'x', 'type': 'S', 'source_column': 'id',\n"
     " 'transformation': {'type': 'number-format', 'format': '%s'}}]}]",
     "5:56 $[0].attributes[1].transformation.format: a number's format has one %d or %f, like \"%010d\" or \"%.2f\"\n"},
    {"a number of a text",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     "'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'x', 'type': 'S', 'source_column': 'email',\n"
     " 'transformation': {'type': 'number-format', 'format': '%d'}}]}]",
     "5:2 $[0].attributes[1].transformation: this transformation wants a number, not a value of type TEXT\n"},
    {"a string's format",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     "'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'x', 'type': 'S', 'source_column': 'email',\n"
     " 'transformation': {'type': 'string-format', 'format': '%s %s'}}]}]",
     "5:56 $[0].attributes[1].transformation.format: a string's format is \"lower\", \"upper\", \"trim\", a text with "
     "one %s, or a template with {column}\n"},
    {"parsing a number",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     "'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'x', 'type': 'S', 'source_column': 'id',\n"
     " 'transformation': {'type': 'json-parse'}}]}]",
     "5:2 $[0].attributes[1].transformation: this transformation wants a text, not a value of type INT\n"},
    {"a quote without end",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     "'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'email', 'type': 'S', 'source_column': 'email'},\n"
     " {'name': 'x', 'type': 'BOOL', 'expr': 'email = ~abc'}]}]",
     "5:40 $[0].attributes[2].expr: in \"email = 'abc\" at character 9: this character, or a quote without end, is not "
     "understood\n"},
    {"a filter over another table",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     " 'filter': 'orders.id = 1',\n"
     " 'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'email', 'type': 'S', 'source_column': 'email'}]}]",
     "2:12 $[0].filter: \"orders.id\": only columns of \"users\" can stand here\n"},
    {"a filter that ends early",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     " 'filter': 'id IN (1, 2',\n"
     " 'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'email', 'type': 'S', 'source_column': 'email'}]}]",
     "2:12 $[0].filter: in \"id IN (1, 2\" at character 12: \")\" is expected\n"},
    {"entities with equal keys",
     "[{'table': 'Things', 'type': 'multi-entity', 'entities': [\n"
     "{'entity_type': 'A', 'source_table': 'users', 'pk_template': 'U#{id}', 'sk_template': 'X', 'attributes': []},\n"
     "{'entity_type': 'B', 'source_table': 'orders', 'pk_template': 'U#{id}', 'sk_template': 'X', 'attributes': []}]}]",
     "3:63 $[0].entities[1].pk_template: entities \"A\" and \"B\" of table \"Things\" have the same key templates, so "
     "their items cannot be told apart; put a different text into one of them\n"},
    {"an entity without a key",
     "[{'table': 'Things', 'type': 'multi-entity', 'entities': [\n"
     "{'entity_type': 'A', 'source_table': 'users', 'attributes': []}]}]",
     "2:2 $[0].entities[0]: an entity lacks the template of its partition key \"PK\"\n"},
    {"an entity without the sort key",
     "[{'table': 'Things', 'type': 'multi-entity', 'entities': [\n"
     "{'entity_type': 'A', 'source_table': 'users', 'pk_template': 'U#{id}', 'sk_template': 'X', 'attributes': []},\n"
     "{'entity_type': 'B', 'source_table': 'orders', 'pk_template': 'O#{id}', 'attributes': []}]}]",
     "3:2 $[0].entities[1]: an entity lacks the template of its sort key \"SK\"\n"},
    {"an entity twice",
     "[{'table': 'Things', 'type': 'multi-entity', 'entities': [\n"
     "{'entity_type': 'A', 'source_table': 'users', 'pk_template': 'U#{id}', 'sk_template': 'X', 'attributes': []},\n"
     "{'entity_type': 'A', 'source_table': 'orders', 'pk_template': 'O#{id}', 'sk_template': 'X', 'attributes': []}]}]",
     "3:17 $[0].entities[1].entity_type: entity \"A\" stands here twice\n"},
    {"no entities",
     "[{'table': 'Things', 'type': 'multi-entity', 'entities': [\n"
     "]}]",
     "1:46 $[0].entities: \"entities\" is empty; a multi-entity table needs at least one\n"},
    {"templates in a single-entity table",
     "[{'table': 'Users', 'pk': 'id', 'source_table': 'users',\n"
     " 'pk_template': '{id}',\n"
     " 'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'id'},\n"
     " {'name': 'email', 'type': 'S', 'source_column': 'email'}]}]",
     "2:2 $[0].pk_template: unknown key \"pk_template\"; known: table, type, pk, sk, gsis, billing, ttl, entity_type, "
     "source_table, attributes, filter, write_entity_type, ...\n"},
    {"entity_type written twice",
     "[{'table': 'Things', 'type': 'multi-entity', 'entities': [\n"
     "{'entity_type': 'A', 'source_table': 'users', 'pk_template': 'U#{id}', 'sk_template': 'X', 'attributes': "
     "[{'name': 'entity_type', 'type': 'S', 'source_column': 'email'}]}]}]",
     "2:2 $[0].entities[0]: the attribute \"entity_type\" is written by itself; set \"write_entity_type\": false to "
     "write another one\n"},
    {"a key with template and attribute",
     "[{'table': 'Things', 'type': 'multi-entity', 'entities': [\n"
     "{'entity_type': 'A', 'source_table': 'users', 'pk_template': 'U#{id}', 'sk_template': 'X', 'attributes': "
     "[{'name': 'PK', 'type': 'S', 'source_column': 'email'}]}]}]",
     "2:62 $[0].entities[0].pk_template: the key \"PK\" has a template and an attribute of its name; keep one\n"},
    {"one index attribute, two types",
     "[{'table': 'Things', 'type': 'multi-entity', 'gsis': [{'index_name': 'GSI', 'pk': 'g'}], 'entities': [\n"
     "{'entity_type': 'A', 'source_table': 'users', 'pk_template': 'U#{id}', 'sk_template': 'X', 'attributes': "
     "[{'name': 'g', 'type': 'S', 'source_column': 'email'}]},\n"
     "{'entity_type': 'B', 'source_table': 'orders', 'pk_template': 'O#{id}', 'sk_template': 'X', 'attributes': "
     "[{'name': 'g', 'type': 'N', 'source_column': 'id'}]}]}]",
     "3:130 $[0].entities[1].attributes[0].type: attribute \"g\" is a key and of type N here, S in another entity; it "
     "must have one type\n"},
    {"keys that may be absent, string joins: warnings",
     "[{'table': 'Things', 'type': 'multi-entity', 'entities': [\n"
     "{'entity_type': 'A', 'source_table': 'products', 'pk_template': '{category_id}', 'sk_template': '{id}', "
     "'attributes': [\n"
     " {'name': 'u', 'type': 'S', 'join': {'type': 'foreign-key', 'target_table': 'users', 'join_condition': "
     "'users.username = products.name', 'select_column': 'email'}}]}]}]",
     "warning 2:65 $[0].entities[0].pk_template: the partition key may have no value (a column may be NULL, or a join "
     "find no row): such rows have no item; a default ({name|default}) or \"null_value\" would give them one\n"
     "warning 3:104 $[0].entities[0].attributes[0].join.join_condition: this join compares bytes, but the collation "
     "utf8mb4_0900_ai_ci of name would also match other spellings\n"},
    {"many errors in one file",
     "[{'tabel': 'Users', 'pk': 'id', 'source_table': 'uzers',\n"
     " 'attributes': [{'name': 'id', 'type': 'X', 'source_column': 'id'}]},\n"
     "{'table': 'Orders', 'pk': 'id', 'source_table': 'orders', 'ttl': 'gone', 'attributes': [\n"
     " {'name': 'id', 'type': 'N', 'source_column': 'idd'},\n"
     " {'name': 'a', 'type': 'S', 'template': '{zzz}'},\n"
     " {'name': 'b', 'type': 'S', 'join': {'type': 'foreign-key', 'target_table': 'order_items', 'join_condition': "
     "'order_items.order_id = orders.id', 'select_column': 'id'}}]}]",
     "1:3 $[0].tabel: unknown key \"tabel\"; did you mean \"table\"?\n"
     "1:3 $[0]: a single-entity table lacks \"table\" (a string)\n"
     "1:49 $[0].source_table: database online_shopping_store has no table \"uzers\"; did you mean \"users\"?\n"
     "2:40 $[0].attributes[0].type: unknown type \"X\"; known: S, N, B, BOOL, NULL, SS, NS, BS, L, M\n"
     "3:66 $[1].ttl: no entity of this table writes the attribute \"gone\"; known: id, a, b\n"
     "4:47 $[1].attributes[0].source_column: table \"orders\" has no column \"idd\"; did you mean \"id\"?\n"
     "5:41 $[1].attributes[1].template: \"{zzz}\" is neither an attribute nor a column of \"orders\"; known: id, a, b, "
     "id, user_id, status, total_amount, created_at, updated_at\n"
     "6:110 $[1].attributes[2].join.join_condition: this join can find several rows of \"order_items\"; it must use a "
     "primary or unique key: (id); for several rows there is json-construction\n"},
    {"columns that some place does not take",
     "[{'table': 'Odd', 'pk': 'id', 'source_table': 'odd', 'attributes': {\n"
     " 'id': {'type': 'N', 'source_column': 'id'},\n"
     " 'b': {'type': 'B', 'source_column': 'l'},\n"
     " 'x': {'type': 'S', 'source_column': 'x'},\n"
     " 'c': {'type': 'M', 'join': {'type': 'json-construction', 'target_table': 'odd', 'join_alias': 'o', "
     "'join_condition': 'o.l = odd.l', 'construction': {'type': 'object', 'select_columns': {'g': 'g'}}}},\n"
     " 'o': {'type': 'L', 'join': {'type': 'aggregated-list', 'target_table': 'odd', 'join_alias': 'o', "
     "'join_condition': 'o.l = odd.l', 'select_column': 'id', 'order_by': 'j'}},\n"
     " 'g': {'type': 'L', 'join': {'type': 'aggregated-list', 'target_table': 'odd', 'join_alias': 'o', "
     "'join_condition': 'o.l = odd.l', 'select_column': 'g'}},\n"
     " 's': {'type': 'S', 'join': {'type': 'aggregated-list', 'target_table': 'odd', 'join_alias': 'o', "
     "'join_condition': 'o.l = odd.l', 'select_column': 'id'}},\n"
     " 'f': {'type': 'L', 'join': {'type': 'json-construction', 'target_table': 'odd', 'join_alias': 'o', "
     "'join_condition': 'o.l = odd.l', 'filter': 'id = 1', 'construction': {'type': 'array', 'filter': 'id = 2', "
     "'select_columns': {'id': 'id'}}}},\n"
     " 'm': {'type': 'S', 'source_column': 'l', 'transformation': {'type': 'mask', 'format': 'last5'}},\n"
     " 'j': {'type': 'M', 'source_column': 'l', 'transformation': {'type': 'json-parse', 'format': 'x'}},\n"
     " 't': {'type': 'S', 'expr': 'COALESCE(j, id)'}}}]",
     "3:16 $[0].attributes.b.type: odd.l (TEXT) as type B is not supported by this version for this character set; S "
     "is\n"
     "4:38 $[0].attributes.x.source_column: column odd.x is of a type that cannot be mapped\n"
     "5:193 $[0].attributes.c.join.construction.select_columns.g: odd.g (GEOMETRY) has no natural type; list it in "
     "\"attributes\" with a type\n"
     "6:167 $[0].attributes.o.join.order_by: rows cannot be ordered by j of type JSON\n"
     "7:149 $[0].attributes.g.join.select_column: a value of type GEOMETRY has no natural type to stand in a list\n"
     "8:16 $[0].attributes.s.type: an aggregated-list is written as L, SS, NS or BS, not as S\n"
     "9:144 $[0].attributes.f.join.filter: \"filter\" stands in the join and in its construction; keep one\n"
     "10:88 $[0].attributes.m.transformation.format: a mask's format is \"hash\", \"redact\" or \"last4\"\n"
     "11:94 $[0].attributes.j.transformation.format: this transformation takes no \"format\"\n"
     "12:29 $[0].attributes.t.expr: in \"COALESCE(j, id)\" at character 16: JSON and INT have no type in common\n"},
    {"aggregates of what cannot be, and of doubles",
     "[{'table': 'Odd', 'pk': 'id', 'source_table': 'odd', 'attributes': {\n"
     " 'id': {'type': 'N', 'source_column': 'id'},\n"
     " 'a': {'type': 'N', 'calculation': {'type': 'aggregate', 'operation': 'SUMME', 'target_table': 'odd', "
     "'join_alias': 'o', 'join_condition': 'o.l = odd.l', 'select_column': 'id'}},\n"
     " 'b': {'type': 'N', 'calculation': {'type': 'aggregate', 'operation': 'SUM', 'target_table': 'odd', "
     "'join_alias': 'o', 'join_condition': 'o.l = odd.l', 'select_column': 'l'}},\n"
     " 'c': {'type': 'N', 'calculation': {'type': 'aggregate', 'operation': 'MAX', 'target_table': 'odd', "
     "'join_alias': 'o', 'join_condition': 'o.l = odd.l', 'select_column': 'j'}},\n"
     " 'd': {'type': 'N', 'calculation': {'type': 'aggregate', 'operation': 'MIN', 'target_table': 'odd', "
     "'join_alias': 'o', 'join_condition': 'o.l = odd.l'}},\n"
     " 'e': {'type': 'N', 'calculation': {'type': 'aggregate', 'operation': 'AVG', 'target_table': 'odd', "
     "'join_alias': 'o', 'join_condition': 'o.l = odd.l', 'select_column': 'd'}}}}]",
     "3:71 $[0].attributes.a.calculation.operation: unknown operation \"SUMME\"; did you mean \"SUM\"?\n"
     "4:170 $[0].attributes.b.calculation.select_column: SUM of values of type TEXT is not possible\n"
     "5:170 $[0].attributes.c.calculation.select_column: MAX of values of type JSON is not possible\n"
     "6:21 $[0].attributes.d.calculation: an aggregate lacks \"select_column\" (a string)\n"
     "warning 7:170 $[0].attributes.e.calculation.select_column: AVG of doubles depends on the order of its rows: it "
     "is by primary key here\n"},
    {"more of the grammar",
     "[{'table': 'Odd', 'pk': 'id', 'source_table': 'odd', 'attributes': {\n"
     " 'id': {'type': 'N', 'source_column': 'id'},\n"
     " 'b': {'type': 'S', 'join': {'type': 'foreign-key', 'target_table': 'odd', 'join_alias': 'o', 'select_column': "
     "'l', 'join_condition': 'o.id = odd.id OR 1'}},\n"
     " 'c': {'type': 'S', 'join': {'type': 'foreign-key', 'target_table': 'odd', 'join_alias': 'o', 'select_column': "
     "'l', 'join_condition': 'o. = odd.id'}},\n"
     " 'd': {'type': 'S', 'expr': 'CASE WHEN id = 1 1 END'},\n"
     " 'e': {'type': 'S', 'expr': 'id 5'},\n"
     " 'f': {'type': 'S', 'expr': 'DATE_FORMAT(~2026-01-01~, id)'},\n"
     " 'g': {'type': 'S', 'join': {'type': 'chain', 'joins': [{'target_table': 'users', 'join_condition': 'users.id = "
     "odd.id'},\n"
     "   {'target_table': 'orders', 'join_condition': 'orders.id = odd.id AND orders.user_id = users.id', "
     "'select_column': 'status'}]}},\n"
     " 'h': {'type': 'S', 'source_table': 'users', 'join': {'local_column': 'id', 'source_column': 'id'}},\n"
     " 'i': {'type': 'S', 'source_column': 'l\\u0000'}}}]",
     "3:135 $[0].attributes.b.join.join_condition: in \"o.id = odd.id OR 1\" at character 15: AND or the end is "
     "expected; a join condition is x.a = y.b [AND x.c = y.d]\n"
     "4:135 $[0].attributes.c.join.join_condition: in \"o. = odd.id\" at character 4: a column's name is expected\n"
     "5:29 $[0].attributes.d.expr: in \"CASE WHEN id = 1 1 END\" at character 18: THEN is expected\n"
     "6:29 $[0].attributes.e.expr: in \"id 5\" at character 4: an operator or the end is expected\n"
     "7:29 $[0].attributes.f.expr: in \"DATE_FORMAT('2026-01-01', id)\" at character 30: DATE_FORMAT wants its pattern "
     "as a text, like '%Y-%m-%d'\n"
     "9:49 $[0].attributes.g.join.joins[1].join_condition: a join's equalities must all lead to one row, not to "
     "\"odd\" and \"users\"\n"
     "10:2 $[0].attributes.h: a join by \"local_column\" takes its value from the attribute's \"source_column\"\n"
     "11:2 $[0].attributes.i: attribute \"i\" lacks its value: one of \"source_column\", \"template\", \"expr\", "
     "\"join\", \"calculation\"\n"
     "11:38 $[0].attributes.i.source_column: a zero character (\\u0000) cannot stand here\n"},
    {"keys that cannot be",
     "[{'table': 'leat', 'source_table': 'odd', 'pk': ['id', 'l'], 'attributes': {'id': {'type': 'N', 'source_column': "
     "'id'}}},\n"
     " {'table': 'Odd', 'source_table': 'odd', 'pk': {'name': 'key', 'type': 'B'}, 'attributes': {'id': {'type': 'N', "
     "'source_column': 'id'}}},\n"
     " {'table': 'More', 'type': 'multi-entity', 'pk': 'leat_pk', 'entities': [{'entity_type': 'E', 'source_table': "
     "'odd', 'pk_template': '{id}', 'attributes': {'id': {'type': 'N', 'source_column': 'id'}}}]}]",
     "1:12 $[0].table: table \"leat\" is reserved for the replicator's lease\n"
     "1:43 $[0].pk: \"pk\" of a table is one name; lists are for indexes (join parts with '#')\n"
     "2:57 $[1].pk.name: \"{key}\" is neither an attribute nor a column of \"odd\"; known: id, id, d, j, g, l, x\n"
     "2:72 $[1].pk.type: a key of type B needs an attribute \"key\" of that type\n"
     "3:50 $[2].pk: key \"leat_pk\": names that begin with leat_ are reserved\n"},
    {"a chain of too many steps",
     "[{'table': 'Odd', 'pk': 'id', 'source_table': 'odd', 'attributes': {'id': {'type': 'N', 'source_column': 'id'},\n"
     " 'a': {'type': 'S', 'join': {'type': 'chain', 'joins': [\n"
     "{'target_table': 'odd', 'join_alias': 'a0', 'join_condition': 'a0.id = odd.id'},\n"
     "{'target_table': 'odd', 'join_alias': 'a1', 'join_condition': 'a1.id = odd.id'},\n"
     "{'target_table': 'odd', 'join_alias': 'a2', 'join_condition': 'a2.id = odd.id'},\n"
     "{'target_table': 'odd', 'join_alias': 'a3', 'join_condition': 'a3.id = odd.id'},\n"
     "{'target_table': 'odd', 'join_alias': 'a4', 'join_condition': 'a4.id = odd.id'},\n"
     "{'target_table': 'odd', 'join_alias': 'a5', 'join_condition': 'a5.id = odd.id'},\n"
     "{'target_table': 'odd', 'join_alias': 'a6', 'join_condition': 'a6.id = odd.id'},\n"
     "{'target_table': 'odd', 'join_alias': 'a7', 'join_condition': 'a7.id = odd.id'},\n"
     "{'target_table': 'odd', 'join_alias': 'a8', 'join_condition': 'a8.id = odd.id'},\n"
     "{'target_table': 'odd', 'join_alias': 'a9', 'join_condition': 'a9.id = odd.id'},\n"
     "{'target_table': 'odd', 'join_alias': 'a10', 'join_condition': 'a10.id = odd.id'},\n"
     "{'target_table': 'odd', 'join_alias': 'a11', 'join_condition': 'a11.id = odd.id'},\n"
     "{'target_table': 'odd', 'join_alias': 'a12', 'join_condition': 'a12.id = odd.id'},\n"
     "{'target_table': 'odd', 'join_alias': 'a13', 'join_condition': 'a13.id = odd.id'},\n"
     "{'target_table': 'odd', 'join_alias': 'a14', 'join_condition': 'a14.id = odd.id'}]}}}}]",
     "2:21 $[0].attributes.a.join: a chain of more than 14 steps\n"},
    {"keys that would say nothing",
     "[{'table': 'Odd', 'pk': 'id', 'source_table': 'odd', 'attributes': {\n"
     " 'id': {'type': 'N', 'source_column': 'id'},\n"
     " 'a': {'type': 'S', 'join': {'type': 'chain', 'joins': [{'target_table': 'users', 'join_condition': 'users.id = "
     "odd.id', 'select_column': 'email', 'type': 'foreign-key', 'null_value': 'x'}]}},\n"
     " 'b': {'type': 'S', 'join': {'type': 'polymorphic-lookup', 'type_column': 'l', 'branches': [{'when_type_value': "
     "'x', 'target_table': 'users', 'join_condition': 'users.id = odd.id', 'select_column': 'email', 'null_value': "
     "'x'}]}},\n"
     " 'c': {'type': 'S', 'null_value': 'x', 'join': {'type': 'foreign-key', 'target_table': 'users', "
     "'join_condition': 'users.id = odd.id', 'select_column': 'email', 'null_value': 'y'}},\n"
     " 'd': {'type': 'S', 'join': {'type': 'conditional', 'condition': 'id > 1', 'target_table': 'users', "
     "'join_condition': 'users.id = odd.id', 'select_column': 'email', 'else_value': 'users.username'}},\n"
     " 'e': {'type': 'S', 'source_column': 'l', 'transformation': {'type': 'mask', 'format': 'redact', 'value': "
     "'x'}},\n"
     " 'f': {'type': 'S', 'transformation': {'type': 'static', 'format': 'x'}},\n"
     " 'g': {'type': 'S', 'transformation': {'type': 'template', 'value': 'x'}}}}]",
     "3:58 $[0].attributes.a.join.joins[0]: a join of type \"chain step\": \"type\" does not belong there\n"
     "3:58 $[0].attributes.a.join.joins[0]: a join of type \"chain step\": \"null_value\" does not belong there\n"
     "4:94 $[0].attributes.b.join.branches[0]: a join of type \"branch\": \"null_value\" does not belong there\n"
     "5:35 $[0].attributes.c.null_value: \"null_value\" stands here and in the join; keep one\n"
     "6:180 $[0].attributes.d.join.else_value: \"users.username\" would be of the row that is not joined then; name a "
     "column of \"odd\" by \"else_expr\"\n"
     "7:107 $[0].attributes.e.transformation.value: this transformation takes no \"value\"\n"
     "8:21 $[0].attributes.f.transformation: this transformation lacks \"value\"\n"
     "8:68 $[0].attributes.f.transformation.format: this transformation takes no \"format\"\n"
     "9:21 $[0].attributes.g.transformation: this transformation lacks \"template\"\n"
     "9:69 $[0].attributes.g.transformation.value: this transformation takes no \"value\"\n"},
    {"indexes and keys that would say nothing",
     "[{'table': 'Odd', 'pk': 'id', 'source_table': 'odd', 'attributes': {'id': {'type': 'N', 'source_column': "
     "'id'}},\n"
     " 'gsis': [{'index_name': 'Twice', 'pk': ['id', 'id']}, {'index_name': 'More', 'pk': 'id', 'projection': "
     "'INCLUDE', 'projected_attributes': ['id', 'idd']}]}]",
     "2:48 $[0].gsis[0].pk[1]: \"id\" stands in this key twice\n"
     "warning 2:147 $[0].gsis[1].projected_attributes[1]: no entity of this table writes the attribute \"idd\"; did "
     "you mean \"id\"?\n"},
    {"a sort key that no entity has",
     "[{'table': 'Odd', 'type': 'multi-entity', 'sk': 'SK', 'entities': [{'entity_type': 'E', 'source_table': 'odd', "
     "'pk_template': '{id}', 'attributes': {'id': {'type': 'N', 'source_column': 'id'}}}]}]",
     "warning 1:49 $[0].sk: no entity has a \"sk_template\", so this table has no sort key\n"},
};
