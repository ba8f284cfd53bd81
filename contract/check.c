/* What a contract's text shows without a schema: the grammar of templates, conditions, expressions and orders. With a schema
 * the compiler checks all of that and more. */
#include "contract/compile.h"

#include "contract/template_parse.h"

struct checker {
    struct report *report;
    struct arena *arena;
};

static void check_template(struct checker *c, const struct word *text) {
    struct template_token *tokens;
    size_t count;
    if (text->text)
        (void)template_parse(c->report, c->arena, text->at, text->text, &tokens, &count);
}

static void check_expr(struct checker *c, const struct word *text) {
    if (text->text)
        (void)expr_parse(c->report, c->arena, text->at, text->text, NULL);
}

static void check_attributes(struct checker *c, const struct parsed_attribute *attributes, size_t count);

static void check_join(struct checker *c, const struct parsed_join *join) {
    struct equality list[EQUALITIES_MAX];
    struct order_name order[ORDER_MAX];
    size_t count = 0, order_count = 0;
    for (size_t i = 0; i < join->conditions.count; i++)
        (void)condition_parse(c->report, c->arena, join->conditions.list[i].at, join->conditions.list[i].text, list,
                              &count);
    if (join->select_column.text && strcmp(join->select_column.text, "*") != 0) /* COUNT takes it */
        check_expr(c, &join->select_column);
    check_expr(c, &join->filter);
    check_expr(c, &join->only_if);
    check_expr(c, &join->else_expr);
    for (size_t i = 0; i < join->step_count; i++)
        check_join(c, &join->steps[i]);
    const struct parsed_construction *k = join->construction;
    if (!k)
        return;
    check_expr(c, &k->filter);
    if (k->order_by.text)
        (void)order_parse(c->report, c->arena, k->order_by.at, k->order_by.text, order, &order_count);
    check_attributes(c, k->attributes, k->attribute_count);
}

static void check_attributes(struct checker *c, const struct parsed_attribute *attributes, size_t count) {
    for (size_t i = 0; i < count; i++) {
        enum attr_type type;
        const struct parsed_attribute *a = &attributes[i];
        if (a->type.text && !attr_type_parse(slice_of(a->type.text), &type))
            report_error(c->report, a->type.at, "unknown type \"%s\"; known: S, N, B, BOOL, NULL, SS, NS, BS, L, M",
                         a->type.text);
        check_template(c, &a->template);
        check_expr(c, &a->expr);
        check_expr(c, &a->case_else);
        for (size_t k = 0; k < a->case_count; k++) {
            check_expr(c, &a->cases[k].when);
            check_expr(c, &a->cases[k].then);
        }
        if (a->join)
            check_join(c, a->join);
        if (a->aggregate)
            check_join(c, a->aggregate);
    }
}

void contract_check_entity(struct report *report, struct arena *arena, const struct parsed_entity *parsed) {
    struct checker c = {report, arena};
    check_template(&c, &parsed->pk_template);
    check_template(&c, &parsed->sk_template);
    check_expr(&c, &parsed->filter);
    check_attributes(&c, parsed->attributes, parsed->attribute_count);
}

void contract_check_text(struct report *report, struct arena *arena, const struct parsed_contract *parsed) {
    for (size_t i = 0; i < parsed->table_count; i++)
        for (size_t k = 0; k < parsed->tables[i].entity_count; k++)
            contract_check_entity(report, arena, &parsed->tables[i].entities[k]);
}
