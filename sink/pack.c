/* Packing: whatever waits when a connection is free becomes one BatchWriteItem, up to 25 writes and 4 MB, across tables.
 * An idle system so sends single writes at once, and a busy one full batches. Transactions travel apart. */
#include "sink/pack.h"

#include "sink/encode.h"
#include "src/base/digest.h"
#include "src/base/sys.h"

bool table_open(const struct table_queue *t, int64_t now_us) {
    return t->pause_until_us <= now_us && !(t->parked && t->probing);
}

static size_t table_quota(const struct table_queue *t) {
    if (t->parked)
        return t->in_flight ? 0 : 1;
    size_t window = (size_t)t->window;
    return window > t->in_flight ? window - t->in_flight : 0;
}

/* Around each write: {"DeleteRequest":{"Key":}}, and the table's name once. */
static size_t wire_bytes(const struct write *w) {
    return w->json_len + 32;
}

void pack_batch(struct request *r, struct table_queue *tables, size_t table_count, size_t *turn, size_t limit,
                int64_t now_us) {
    size_t bytes = 0;
    r->transact = false;
    r->count = 0;
    limit = MIN(limit, (size_t)BATCH_MAX);
    for (size_t i = 0; i < table_count && r->count < limit; i++) {
        struct table_queue *t = &tables[(*turn + i) % table_count];
        if (!t->ready.first || !table_open(t, now_us) || ((t->alone || t->parked) && r->count > 0))
            continue;
        size_t quota = table_quota(t), taken = 0;
        bytes += 300;
        for (struct write *w; (w = t->ready.first) && quota > 0; quota--, taken++) {
            limit = MIN(limit, MAX(w->batch_limit, r->count));
            if (r->count >= limit || (r->count > 0 && bytes + wire_bytes(w) > REQUEST_BYTES))
                break;
            bytes += wire_bytes(w);
            r->writes[r->count++] = list_pop(&t->ready);
        }
        t->in_flight += taken;
        if (taken && t->parked)
            t->probing = true;
        if (taken && (t->alone || t->parked))
            break;
    }
    *turn = (*turn + 1) % MAX(table_count, (size_t)1);
}

void pack_transaction(struct request *r, struct write *head) {
    r->transact = true;
    r->count = 0;
    for (struct write *w = head; w; w = w->together)
        r->writes[r->count++] = w;
    if (!head->token[0]) {
        uint64_t random[2] = {sys_random(), sys_random()};
        hex_encode((const unsigned char *)random, sizeof(random), head->token);
    }
}

static void put_transaction(struct request *r, const struct contract *contract) {
    struct buf *b = &r->body;
    buf_put_text(b, "{\"TransactItems\":[");
    for (size_t i = 0; i < r->count; i++) {
        const struct write *w = r->writes[i];
        buf_put_text(b, i ? "," : "");
        buf_put_text(b, w->is_delete ? "{\"Delete\":{\"TableName\":" : "{\"Put\":{\"TableName\":");
        encode_string(b, slice_of(contract->targets[w->target]->name));
        buf_put_text(b, w->is_delete ? ",\"Key\":" : ",\"Item\":");
        buf_put_slice(b, write_json(w));
        buf_put_text(b, "}}");
    }
    buf_put_text(b, r->report_capacity ? "],\"ReturnConsumedCapacity\":\"TOTAL\"" : "]");
    buf_put_text(b, ",\"ClientRequestToken\":\"");
    buf_put_text(b, r->writes[0]->token);
    buf_put_text(b, "\"}");
}

/* Writes of one table stand together, as pack_batch() took them. */
static void put_batch(struct request *r, const struct contract *contract) {
    struct buf *b = &r->body;
    buf_put_text(b, "{\"RequestItems\":{");
    for (size_t i = 0; i < r->count; i++) {
        const struct write *w = r->writes[i];
        if (i == 0 || w->target != r->writes[i - 1]->target) {
            buf_put_text(b, i ? "]," : "");
            encode_string(b, slice_of(contract->targets[w->target]->name));
            buf_put_text(b, ":[");
        } else {
            buf_put_char(b, ',');
        }
        buf_put_slice(b, w->is_delete ? SLICE("{\"DeleteRequest\":{\"Key\":") : SLICE("{\"PutRequest\":{\"Item\":"));
        buf_put_slice(b, write_json(w));
        buf_put_text(b, "}}");
    }
    buf_put_text(b, r->report_capacity ? "]},\"ReturnConsumedCapacity\":\"TOTAL\"}" : "]}}");
}

void pack_body(struct request *r, const struct contract *contract) {
    buf_clear(&r->body);
    if (r->transact)
        put_transaction(r, contract);
    else
        put_batch(r, contract);
}
