#include "map_run.h"

#include <pthread.h>
#include <stdlib.h>

#include "map_print.h"

/* What a layer leaves until its turn to be printed comes. */
typedef struct {
    td_text block, row;
    td_status status;
    td_error err;
    map_totals one;
    bool done;
} slot;

typedef struct {
    const map_source *s;
    slot *slot;
    bool table; /* of rows; else blocks or lines */
    map_totals totals;
    td_text kept; /* rows behind blocks, and all of --out */
    td_text file;
    pthread_mutex_t lock; /* of all below, and of the printing */
    int next, code;
    bool closed; /* standard output takes no more */
} run;

static td_status answer(const map_source *s, int i, slot *out) {
    td_arena *a = td_arena_create();
    if (a == NULL) return td_fail(&out->err, TD_E_MEMORY, "out of memory");
    map_question q;
    map_answer x;
    td_status st = map_question_get(s, i, a, &q, &out->err);
    if (st == TD_OK) {
        double start = td_time_thread_s();
        st = td_map_best(&q.c.problem, &q.c.hw, &q.query, &x.r, NULL, &out->err);
        x.seconds = td_time_thread_s() - start;
        if (st != TD_OK) td_error_prefix(&out->err, "%s", q.place);
        const map_answer *got = st == TD_OK ? &x : NULL;
        map_add(&out->one, &q, got);
        map_row(s, &q, got, &out->row);
        if (got != NULL && s->o->format == CLI_JSON)
            st = map_json(s->o, &q, got, a, &out->block, &out->err);
        else if (got != NULL)
            map_block(&q, got, &out->block);
    }
    td_arena_destroy(a);
    return st;
}

static void put(run *r, const td_text *t) {
    if (t->size == 0 || r->closed) return;
    if (r->s->o->out != NULL) {
        td_text_add_bytes(&r->file, t->data, t->size);
        return;
    }
    int code = cli_print(t);
    if (code == 0) return;
    r->closed = true;
    if (r->code == 0) r->code = code;
}

static void add_totals(map_totals *t, const map_totals *x) {
    t->asked += x->asked;
    t->mapped += x->mapped;
    t->proved += x->proved;
    t->layers += x->layers;
    t->macs += x->macs;
    t->cycles += x->cycles;
    t->pj += x->pj;
    t->value += x->value;
    t->bound += x->bound;
    t->seconds += x->seconds;
    if (x->worst > t->worst) t->worst = x->worst;
}

static void emit(run *r, slot *x) {
    const map_options *o = r->s->o;
    if (x->status != TD_OK) {
        int code = cli_fail(&x->err);
        if (r->code == 0) r->code = code;
    }
    bool rows = r->table && o->nest; /* behind the nests */
    if (!r->table || o->nest) put(r, &x->block);
    if (rows && x->block.size > 0) {
        td_text line = {0};
        td_text_add(&line, "\n");
        put(r, &line);
        td_text_free(&line);
    }
    if (rows && x->row.size > 0)
        td_text_add_bytes(&r->kept, x->row.data, x->row.size);
    else if (r->table)
        put(r, &x->row);
    add_totals(&r->totals, &x->one);
    td_text_free(&x->block);
    td_text_free(&x->row);
}

static void one(void *self, int i) {
    run *r = self;
    pthread_mutex_lock(&r->lock);
    bool closed = r->closed;
    pthread_mutex_unlock(&r->lock);
    if (!closed) r->slot[i].status = answer(r->s, i, &r->slot[i]);
    pthread_mutex_lock(&r->lock);
    r->slot[i].done = true;
    while (r->next < r->s->n && r->slot[r->next].done) emit(r, &r->slot[r->next++]);
    pthread_mutex_unlock(&r->lock);
}

static void head(run *r) {
    td_text t = {0};
    map_head(r->s, &t);
    put(r, &t);
    td_text_free(&t);
}

int map_run(const map_source *s) {
    const map_options *o = s->o;
    td_error err = {0};
    run r = {.s = s, .lock = PTHREAD_MUTEX_INITIALIZER};
    r.table = o->format == CLI_TABLE && (s->n > 1 || s->model);
    r.slot = calloc((size_t)s->n, sizeof *r.slot);
    td_status st = r.slot != NULL ? TD_OK : td_fail(&err, TD_E_MEMORY, "out of memory");
    if (st == TD_OK) {
        if (r.table && !o->nest) head(&r);
        st = td_parallel_for(o->threads, s->n, one, &r);
        if (st != TD_OK) td_fail(&err, st, "cannot start threads");
    }
    if (st == TD_OK && r.table) {
        if (o->nest) {
            head(&r);
            put(&r, &r.kept);
        }
        td_text foot = {0};
        map_foot(s, &r.totals, &foot);
        put(&r, &foot);
        td_text_free(&foot);
    }
    if (st == TD_OK && o->out != NULL)
        st = r.file.failed
                 ? td_fail(&err, TD_E_MEMORY, "out of memory")
                 : td_file_write(o->out, r.file.data != NULL ? r.file.data : "", r.file.size, &err);
    if (st != TD_OK) {
        int code = cli_fail(&err);
        if (r.code == 0) r.code = code;
    }
    td_text_free(&r.kept);
    td_text_free(&r.file);
    free(r.slot);
    return r.code;
}
