/* tandem - the program: finds the subcommand and runs it. */
#include "cli.h"

#include <argp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const td_command commands[] = {
    {"search", "search networks and accelerators together, as a recipe says", cmd_search},
    {"optimize", "minimise what a program of yours answers, as a problem's file says",
     cmd_optimize},
    {"ask", "the next trials of a problem, for another program to evaluate", cmd_ask},
    {"tell", "outcomes of trials that were asked for", cmd_tell},
    {"eval", "cost of a network on an accelerator, layer by layer", cmd_eval},
    {"explore", "accelerators for given networks: front of latency, energy and area", cmd_explore},
    {"net", "a network: layers, shapes, MACs, parameters, distinct layer problems", cmd_net},
    {"train", "train a network and report its accuracy", cmd_train},
    {"quantise", "accuracy of a trained network in integers, and QDQ ONNX", cmd_quantise},
    {"space", "decisions and size of a search space", cmd_space},
    {"study", "trials of a search: list, show, best, ...; resume, enqueue, reap", cmd_study},
    {"worker", "join a search that runs in a results folder", cmd_worker},
    {"compare", "compare search strategies at equal budgets, with statistics and plots",
     cmd_compare},
    {"hcm", "early estimates: bit operations, PEs in an area, operations per bit", cmd_hcm},
    {"hw", "an accelerator: levels, peak, power, area, technology, and a drawing", cmd_hw},
    {"map", "best mapping of a layer, or of each layer of a network", cmd_map},
    {"cost", "cost of one mapping of one layer (neutral cases, Timeloop's YAML)", cmd_cost},
    {"convert", "a case from or to Timeloop's YAML", cmd_convert},
    {"list", "what there is: networks, accelerators, spaces, strategies, ...", cmd_list},
};
enum { N_COMMANDS = sizeof commands / sizeof commands[0] };

static void usage(FILE *out) {
    fprintf(out, "tandem finds neural networks and the accelerators that run them, together.\n\n"
                 "usage: tandem COMMAND [OPTION...]\n\ncommands:\n");
    for (int i = 0; i < N_COMMANDS; i++)
        fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].summary);
    fprintf(out,
            "\n`tandem COMMAND --help` tells a command's options, with examples.\n"
            "      --help     this text\n      --version  version of the program\n\n"
            "examples:\n"
            "  tandem search recipes/quickstart.yaml --out results/quickstart\n"
            "  tandem eval mobilenetv2 --hw edge\n"
            "  tandem study best results/quickstart\n\n"
            "exit codes (docs/cli.md has all):\n"
            "  0 done, 2 wrong command line, 3 wrong content of a file, 4 not found, 5 reading or\n"
            "  writing failed, 6 cannot be built or no design met the targets, 7 not supported,\n"
            "  8 store damaged or busy, 130 interrupted\n");
}

/* A command holds nothing that a later one could not begin anew: stores are transactions, files are
 * renamed when they are whole. */
static void out_of_memory(void) {
    fputs("tandem: out of memory\n", stderr);
    _exit(td_status_exit_code(TD_E_MEMORY));
}

int main(int argc, char **argv) {
    td_memory_handler(out_of_memory);
    argp_err_exit_status = td_status_exit_code(TD_E_USAGE);
    if (argc < 2) {
        usage(stderr);
        return td_status_exit_code(TD_E_USAGE);
    }
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        usage(stdout);
        return 0;
    }
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
        printf("tandem %s\n", td_version());
        return 0;
    }
    static char help[] = "--help";          /* argp knows no short form of it */
    for (int i = 2; i < argc && i < 4; i++) /* of a command, and of a verb of it */
        if (strcmp(argv[i], "-h") == 0) argv[i] = help;
    for (int i = 0; i < N_COMMANDS; i++)
        if (strcmp(name, commands[i].name) == 0) {
            cli_program_name(argc - 1, argv + 1);
            return commands[i].run(argc - 1, argv + 1);
        }
    td_error err = {0};
    const char *known[N_COMMANDS];
    for (int i = 0; i < N_COMMANDS; i++) known[i] = commands[i].name;
    cli_unknown(&err, TD_E_USAGE, "command", name, known, N_COMMANDS);
    return cli_fail(&err);
}
