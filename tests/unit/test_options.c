/* src/app/options: good files, each kind of fault with its place, overlays, the environment, secrets, the sample. */
#include "tests/unit/test.h"

#include "src/app/options.h"
#include "src/base/json.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char directory[] = "/tmp/leat-options-XXXXXX";

static const char good[] =
    "{\"database\": {\"mysql\": {\"host\": \"db\", \"database\": \"shop\", \"username\": \"leat\", \"password\": "
    "\"secret\"},\n"
    " \"dynamodb\": {\"region\": \"us-west-2\"}},\n"
    " \"migration\": {\"contractPath\": \"c.json\"}, \"x-note\": 1, \"http\": {\"listen\": \"\"}}";

static char *write_file(const char *name, const char *text) {
    static char path[4][256];
    static unsigned next;
    char *p = path[next++ % 4];
    snprintf(p, sizeof(path[0]), "%s/%s", directory, name);
    FILE *f = fopen(p, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    return p;
}

static void a_good_file_loads(void **state) {
    struct config c;
    struct error e = {.text = ""};
    assert_int_equal(config_load(&c, write_file("leat.json", good), &e), 0);
    assert_string_equal(c.mysql.host, "db");
    assert_int_equal(c.mysql.port, 3306);
    assert_int_equal(c.mysql.tls_mode, TLS_VERIFY_IDENTITY);
    assert_int_equal(c.durability, DURABILITY_POWER);
    assert_null(c.http_listen);
    char path[300];
    snprintf(path, sizeof(path), "%s/c.json", directory);
    assert_string_equal(c.contract_path, path); /* relative to the file */
    assert_string_equal(c.state_dir, "/var/lib/leat");
    config_deinit(&c);
}

static void faults_name_their_place(void **state) {
    static const struct {
        const char *text, *expect;
    } rows[] = {
        {"{\n  \"state_dri\": \"/x\"}", ":2:3: unknown key state_dri; did you mean state_dir?"},
        {"{\"database\": {\"mysql\": {\"port\": 70000}}}",
         ":1:25: database.mysql.port is a whole number from 1 to 65535, not 70000"},
        {"{\"database\": {\"mysql\": {\"port\": \"3306\"}}}", "database.mysql.port is a number, not a string"},
        {"{\"durability\": \"disk\"}", "durability is one of: power process; not \"disk\""},
        {"{\"database\": 5}", "database is an object, not a number"},
        {"{\"database\": {\"mysql\": {\"password\": {\"env\": \"LEAT_NO_SUCH\"}}}}",
         "the environment has no variable LEAT_NO_SUCH"},
        {"{\"database\": {\"mysql\": {\"password\": {\"file\": \"/no/such\"}}}}", "cannot open /no/such"},
        {"{\"database\": {\"mysql\": {\"password\": {\"vault\": \"x\"}}}}",
         "is a string, {\"file\": \"PATH\"} or {\"env\": \"NAME\"}"},
        {"[]", "a configuration is an object, not a list"},
        {"{\"stream\": \"a\",}", "not JSON"},
        {"{}", "database.mysql.host is missing"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct config c;
        struct error e = {.text = ""};
        assert_int_equal(config_load(&c, write_file("bad.json", rows[i].text), &e), ERR_CONFIG);
        if (!strstr(e.text, rows[i].expect))
            fail_msg("%s\n gave %s\n not %s", rows[i].text, e.text, rows[i].expect);
    }
}

static void all_faults_are_reported(void **state) {
    struct config c;
    struct error e = {.text = ""};
    assert_int_equal(config_load(&c, write_file("bad.json", "{\"a\": 1,\n\"b\": 2,\n\"checkpoint_s\": 0}"), &e),
                     ERR_CONFIG);
    assert_non_null(strstr(e.text, ":1:2: unknown key a"));
    assert_non_null(strstr(e.text, ":2:1: unknown key b"));
    assert_non_null(strstr(e.text, ":3:1: checkpoint_s"));
}

static void overlay_then_environment_override(void **state) {
    struct config c;
    struct error e = {.text = ""};
    char *path = write_file("leat.json", good);
    write_file("leat.production.json", "{\"database\": {\"mysql\": {\"host\": \"db2\", \"port\": 3307}}}");
    setenv("LEAT_ENV", "production", 1);
    setenv("LEAT_DATABASE_MYSQL_PORT", "3308", 1);
    assert_int_equal(config_load(&c, path, &e), 0);
    assert_string_equal(c.mysql.host, "db2");
    assert_int_equal(c.mysql.port, 3308);
    config_deinit(&c);
    setenv("LEAT_DATABASE_MYSQL_PORT", "x", 1);
    assert_int_equal(config_load(&c, path, &e), ERR_CONFIG);
    assert_non_null(strstr(e.text, "LEAT_DATABASE_MYSQL_PORT"));
    unsetenv("LEAT_ENV");
    unsetenv("LEAT_DATABASE_MYSQL_PORT");
}

static void secrets_come_from_files_without_their_newline(void **state) {
    struct config c;
    struct error e = {.text = ""};
    char text[1024];
    char *secret = write_file("password", "pass word\n");
    snprintf(text, sizeof(text),
             "{\"database\": {\"mysql\": {\"host\": \"db\", \"database\": \"d\", \"username\": \"u\", \"password\": "
             "{\"file\": \"%s\"}},"
             "\"dynamodb\": {\"region\": \"r\"}}, \"migration\": {\"contractPath\": \"/c\"}}",
             secret);
    assert_int_equal(config_load(&c, write_file("leat.json", text), &e), 0);
    assert_string_equal(c.mysql.password, "pass word");
    config_deinit(&c);
}

/* The sample is a configuration: it parses, and has no key that the loader does not know. */
static void the_sample_loads(void **state) {
    struct buf text = BUF_INIT(1 << 20);
    config_sample(&text);
    struct config c;
    struct error e = {.text = ""};
    int r = config_load(&c, write_file("sample.json", buf_text(&text)), &e);
    if (r)
        fail_msg("%s\n%s", e.text, buf_text(&text));
    config_deinit(&c);
    buf_deinit(&text);
}

static int make_directory(void **state) {
    return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state) {
    struct dirent **files;
    int count = scandir(directory, &files, NULL, NULL);
    for (int i = 0; i < count; i++) {
        char path[300];
        snprintf(path, sizeof(path), "%s/%s", directory, files[i]->d_name);
        unlink(path); /* "." and ".." stay */
        free(files[i]);
    }
    free(files);
    return rmdir(directory);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_file_loads),
        cmocka_unit_test(faults_name_their_place),
        cmocka_unit_test(all_faults_are_reported),
        cmocka_unit_test(overlay_then_environment_override),
        cmocka_unit_test(secrets_come_from_files_without_their_newline),
        cmocka_unit_test(the_sample_loads),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
