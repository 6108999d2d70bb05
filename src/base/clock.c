/* Time, machine, log and version. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "tandem/base.h"

static double seconds(clockid_t clock) {
    struct timespec t;
    if (clock_gettime(clock, &t) != 0) return 0;
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double td_time_wall_s(void) {
    return seconds(CLOCK_REALTIME);
}

double td_time_mono_s(void) {
    return seconds(CLOCK_MONOTONIC);
}

double td_time_thread_s(void) {
    return seconds(CLOCK_THREAD_CPUTIME_ID);
}

/* Value of the first "name : value" line of /proc/cpuinfo, or false. */
static bool cpu_name(char *out, size_t size) {
    FILE *f = fopen("/proc/cpuinfo", "re");
    if (f == NULL) return false;
    char line[256];
    bool found = false;
    while (!found && fgets(line, sizeof line, f) != NULL) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || colon == NULL) continue;
        colon += strspn(colon, ": \t");
        snprintf(out, size, "%.*s", (int)strcspn(colon, "\n"), colon);
        found = out[0] != '\0';
    }
    fclose(f);
    return found;
}

void td_machine_text(char *out, size_t size) {
    struct utsname system = {0};
    uname(&system);
    char cpu[128];
    if (!cpu_name(cpu, sizeof cpu)) snprintf(cpu, sizeof cpu, "%s", system.machine);
    double bytes = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGE_SIZE);
    snprintf(out, size, "%d x %s, %.1f GiB, %s %s", td_cpu_count(), cpu, bytes / (1 << 30),
             system.sysname, system.release);
}

void td_log_write(const td_log *log, int level, const char *format, ...) {
    if (log == NULL || log->write == NULL) return;
    char line[1024], *text = line;
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (n < 0) return;
    char *longer = (size_t)n >= sizeof line ? malloc((size_t)n + 1) : NULL;
    if (longer != NULL) {
        va_start(args, format);
        vsnprintf(longer, (size_t)n + 1, format, args);
        va_end(args);
        text = longer;
    }
    log->write(log->self, level, text);
    free(longer);
}

const char *td_version(void) {
    return TD_VERSION;
}
