/* Points of a space, random ones or all: how many can be built, what they cost, why not the others.
 */
#ifndef TANDEM_CLI_SPACE_SAMPLE_H
#define TANDEM_CLI_SPACE_SAMPLE_H

#include "cli.h"
#include "tandem/map.h"
#include "tandem/space.h"

typedef enum {
    CLI_POINT_OPEN,        /* not looked at yet */
    CLI_POINT_REFUSED,     /* cannot be built: a rule is broken */
    CLI_POINT_BUILT,       /* and no cost was asked for */
    CLI_POINT_UNSCHEDULED, /* built, but a layer of it cannot be mapped */
    CLI_POINT_COSTED
} cli_point_state;

typedef struct {
    cli_point_state state;
    uint8_t rules;    /* of the accelerator's template that are broken: TD_BIT(rule) */
    uint8_t template; /* td_template_kind, where there are such */
    int64_t drawn; /* vectors that were drawn for it: more than one where constraints are known */
    uint64_t hash; /* of its choices */
    double macs, params, area, latency_s, energy_j; /* NAN: unknown */
    char *message;                                  /* why it is refused or unscheduled */
} cli_point;

/* Why points have no design or no schedule: the rule's name (without one: the message with its
 * numbers taken out), and the message of the first such point. */
typedef struct {
    bool scheduling;
    char *reason;
    const char *example;
    int64_t points;
} cli_refusal;

typedef struct {
    cli_point *point;
    int64_t n, different, built, costed, drawn;
    int64_t broken[1 << TD_MAX_RULES]; /* points by the rules that they break, all of them */
    td_template template;              /* whose rules these are: its kind only */
    cli_refusal *refused;              /* most frequent first */
    int n_refused, capacity;
} cli_points;

/* What is asked for. */
typedef struct {
    const td_space *space;
    int64_t
        points; /* random ones, point i a function of (seed, i); 0: all of the space, in order */
    uint64_t seed;
    int threads;                     /* 0: one per core; the points are the same for any number */
    const td_schedule_options *cost; /* NULL: points are built only */
    bool (*cancelled)(void);         /* may be NULL; both are called from several threads */
    void (*progress)(int64_t done, int64_t points); /* may be NULL */
} cli_draw;

/* Most points that are kept: of one draw, and of a whole space (more: not walked). */
enum { CLI_MOST_POINTS = 1000000, CLI_MOST_WALKED = 100000 };

/* Every point ends in a design, a cost or a reason; anything else is the result, of the first such
 * point. TD_E_INTERRUPTED if cancelled. Free with cli_points_free in any case. */
td_status cli_points_draw(const cli_draw *d, cli_points *out, td_error *err);
void cli_points_free(cli_points *p);
/* Can the space be walked? */
bool cli_points_few(const td_space *s);

/* The choices of random point i; *drawn (may be NULL): vectors that were drawn until one met the
 * known constraints. */
void cli_point_choices(const cli_draw *d, int64_t i, td_choices *c, int64_t *drawn);

/* Their document, the table from it, and CSV of random ones. */
td_node *cli_points_node(const cli_points *p, const cli_draw *d, td_arena *a);
void cli_points_table(const td_node *points, td_text *out);
td_status cli_points_csv(const cli_points *p, const cli_draw *d, td_text *out, td_error *err);
/* Of a space that was walked: {of, points, built, refused}; where rules of a template are broken
 * also {rules: [{rule, first, broken, only}], together: [{rules, points}]}: points by the first
 * rule that they break, by any, by this alone; and by several at once, most frequent first. And its
 * lines. */
td_node *cli_walk_node(const cli_points *p, const char *of, td_arena *a);
void cli_walk_table(const td_node *walk, td_text *out);

#endif
