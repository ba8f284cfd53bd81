/* The inside of a sink: what submit.c (the applier's side), send.c (the thread) and decide.c (answers) share. */
#pragma once

#include "sink/answer.h"
#include "sink/dynamo.h"
#include "sink/pack.h"
#include "sink/retry.h"
#include "sink/sink.h"
#include "sink/write.h"

#include <pthread.h>

enum { ENCODED_MAX = 15 << 20 }; /* a request may be 16 MB; an item DynamoDB accepts is never so long */

struct sink {
    const struct contract *contract;
    size_t queue_bytes, queue_writes; /* bounds */
    pthread_t thread;
    bool started;

    /* the applier's */
    struct buf scratch;
    struct write_pool pool;
    struct write_list taken; /* outcomes that were moved out of `done` */

    /* both threads' */
    pthread_mutex_t lock;
    struct write_list incoming, done;
    bool sleeping, stop;
    bool signalled; /* done_fd is readable */
    int done_fd;
    struct sink_numbers numbers;

    /* the thread's */
    struct dynamo dynamo;
    struct table_queue *tables;
    struct write_list transactions; /* heads */
    struct write_heap delayed;
    struct request *requests; /* a lane each */
    unsigned *free_lanes;     /* the one used last is used first: its connection is warm */
    unsigned lane_count, free_count;
    size_t turn; /* the table that the next batch begins with */
    bool transactions_turn;
    struct breaker breaker;
    unsigned skews;       /* clock corrections in a row */
    unsigned corrections; /* of the clock, in all */
    bool all_parked;      /* credentials */
    bool all_probing;
    int64_t all_pause_us;
    char all_reason[512];
    char last_failure[512]; /* of the last transient one, for people */
    struct answer answer;
};

/* Makes done_fd readable when outcomes lie there. The lock is held. (submit.c) */
void sender_tell_applier(struct sink *s);
/* What becomes of each write of an answered request: into `done`, or back to the queues. The lock is held. (decide.c) */
void sender_decide(struct sink *s, struct request *r, const struct http_answer *http, struct write_list *done,
                   int64_t now_us);
