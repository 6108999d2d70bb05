/* map_ask.h - what `tandem map` is asked: its options, the layers they name, and each layer as a
 * question to the mapper. */
#ifndef TANDEM_CLI_MAP_ASK_H
#define TANDEM_CLI_MAP_ASK_H

#include "cli.h"
#include "cli_cases.h"
#include "cli_net.h"
#include "tandem/map.h"

enum { MAP_MOST_RULES = 32 };

/* LEVEL=TENSORS, LEVEL.AXIS=DIMS, or LEVEL=DIMS in order. */
typedef struct {
    const char *option; /* "--keep" */
    const char *text;   /* "GLB=IO", as given */
    char level[24];
    uint8_t axis, mask;
    char order[TD_NDIM + 1];
} map_rule;

typedef struct {
    const char *what; /* LAYER, MODEL or FILE */
    const char *hw;
    cli_set set; /* into the accelerator's file */
    cli_net net;
    int batch;          /* of networks; 0: not given */
    uint8_t bits[4];    /* W, I, O, partial sums; 0: not given */
    td_map_query query; /* mode, objective, budgets; the rest is per layer */
    bool seed;          /* was given */
    map_rule rule[MAP_MOST_RULES];
    int n_rules;
    int threads;
    cli_format format;
    bool nest;
    const char *out;
} map_options;

/* "--keep", "--space", "--forbid" or "--order" and its value; false: the message says what was
 * expected. */
bool map_rule_parse(const char *option, const char *text, map_rule *out, td_error *err);
/* Adds a rule; false (with a message): too many, or a second one for the same place. Those of
 * --forbid add up. */
bool map_rule_add(map_options *o, const map_rule *r, td_error *err);

/* A layer of a text or a network; cases of a file are read one by one. */
typedef struct {
    char name[128];
    td_problem problem;
    int count;          /* layers of the network that have this problem, */
    const char **layer; /* their names */
} map_layer;

typedef struct {
    const map_options *o;
    bool has_hw, model;
    td_hw hw;
    td_net *net;
    cli_cases cases;
    map_layer *layer; /* NULL: cases */
    int n;
} map_source;

/* Finds out what o->what is and reads it. */
td_status map_source_open(const map_options *o, td_arena *a, map_source *out, td_error *err);
void map_source_close(map_source *s);

/* One question. c: the layer as asked on its accelerator, with the keeps that are fixed. */
typedef struct {
    td_case c;
    td_map_query query;
    const map_layer *layer; /* NULL: a case */
    char place[192];        /* what it is called in messages */
} map_question;
td_status map_question_get(const map_source *s, int i, td_arena *a, map_question *out,
                           td_error *err);

#endif
