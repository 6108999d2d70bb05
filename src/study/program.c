/* program.c - somebody's program at the end of two pipes.
 *
 *     tandem --fork--> keeper --fork, exec--> program      both in one new process group
 *
 * The keeper waits for the program and ends as it did. When the thread of tandem that forked it
 * ends, by whatever means, the kernel sends the keeper a signal (PR_SET_PDEATHSIG), and it kills
 * the group: so nothing is left behind by a tandem that is killed. A group of its own also keeps a
 * terminal's Ctrl-C from the program: a drain lets it finish. Between fork and exec there are only
 * calls that are safe after a fork in a process with threads. */
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LONGEST_LINE = 1 << 20, SLICE_MS = 50 };

struct td__program {
    pid_t keeper;
    int in, out; /* our ends: what it reads, what it writes */
    char *buffer;
    size_t start, size, capacity; /* what was read and not taken yet */
    bool ended;                   /* its side of `out` is closed */
};

/* ---- the other side of the fork -------------------------------------------------------------- */

static void kill_group(int sig) {
    (void)sig;
    kill(0, SIGKILL); /* this process included */
}

/* Ends as the program has, for those who wait for the keeper. */
static _Noreturn void end_like(int status) {
    if (WIFEXITED(status)) _exit(WEXITSTATUS(status));
    const struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none); /* the program has left one if it was to */
    struct sigaction act = {.sa_handler = SIG_DFL};
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, WTERMSIG(status));
    sigaction(WTERMSIG(status), &act, NULL);
    sigprocmask(SIG_UNBLOCK, &one, NULL);
    raise(WTERMSIG(status));
    _exit(128 + WTERMSIG(status));
}

static _Noreturn void be_program(const char *const *argv, char *const *environment,
                                 const char *folder, const int ends[2], int tell) {
    struct sigaction act = {.sa_handler = SIG_DFL};
    sigset_t none;
    sigemptyset(&none);
    static const int reset[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGALRM, SIGCHLD};
    for (size_t i = 0; i < sizeof reset / sizeof reset[0]; i++) sigaction(reset[i], &act, NULL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    int why = 0;
    if ((folder != NULL && chdir(folder) != 0) || dup2(ends[0], 0) < 0 || dup2(ends[1], 1) < 0)
        why = errno;
    if (why == 0) {
        execvpe(argv[0], (char *const *)argv, environment);
        why = errno;
    }
    if (write(tell, &why, sizeof why) < 0) _exit(126);
    _exit(127);
}

/* All signals are blocked. */
static _Noreturn void be_keeper(const char *const *argv, char *const *environment,
                                const char *folder, const int ends[2], int tell, pid_t parent) {
    struct sigaction act = {.sa_handler = kill_group}, ignore = {.sa_handler = SIG_IGN};
    sigset_t term;
    setpgid(0, 0);
    sigaction(SIGTERM, &act, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
    act.sa_handler = SIG_DFL;
    sigaction(SIGCHLD, &act, NULL);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    pid_t program = fork();
    if (program == 0) be_program(argv, environment, folder, ends, tell);
    int why = errno;
    if (program < 0 && write(tell, &why, sizeof why) < 0) _exit(126);
    if (program < 0) _exit(127);
    /* Nothing of tandem's may stay open here: locks, and the ends of other programs' pipes. */
    close(0);
    close(1);
    if (close_range(3, ~0U, 0) != 0)
        for (int fd = 3; fd < 4096; fd++) close(fd);
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    sigprocmask(SIG_UNBLOCK, &term, NULL);
    if (getppid() != parent) kill_group(0); /* it had ended before it could be told */
    int status = 0;
    while (waitpid(program, &status, 0) < 0 && errno == EINTR) {
    }
    end_like(status);
}

/* ---- starting -------------------------------------------------------------------------------- */

/* Ours, and that Python writes its lines at once also into a pipe: who forgets to flush would wait
 * for ever. free() it. */
static char **make_environment(void) {
    static char unbuffered[] = "PYTHONUNBUFFERED=1";
    size_t n = 0;
    while (environ[n] != NULL) n++;
    char **out = calloc(n + 2, sizeof *out);
    if (out == NULL) return NULL;
    if (n > 0) memcpy(out, environ, n * sizeof *out);
    if (getenv("PYTHONUNBUFFERED") == NULL) out[n] = unbuffered;
    return out;
}

/* Above the three that a program has, which may be closed here. */
static bool move_up(int *end) {
    int up = fcntl(*end, F_DUPFD_CLOEXEC, 3);
    close(*end);
    *end = up;
    return up >= 0;
}

static bool make_pipe(int end[2]) {
    if (pipe2(end, O_CLOEXEC) != 0) return false;
    return (end[0] > 2 || move_up(&end[0])) && (end[1] > 2 || move_up(&end[1]));
}

static void close_end(int *fd) {
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

static void close_both(int end[2]) {
    close_end(&end[0]);
    close_end(&end[1]);
}

/* errno of an exec that failed; 0: it runs. */
static int hear_of_exec(int fd) {
    int why = 0;
    ssize_t n;
    while ((n = read(fd, &why, sizeof why)) < 0 && errno == EINTR) {
    }
    return n == (ssize_t)sizeof why ? why : 0;
}

static td_status fail_start(const char *const *argv, const char *folder, int why, td_error *err) {
    td_status s = why == ENOENT || why == EACCES || why == ENOTDIR || why == ENOEXEC
                      ? TD_E_NOT_FOUND
                      : TD_E_IO;
    return td_fail(err, s, "cannot run \"%.200s\"%s%.200s: %s", argv[0],
                   folder != NULL ? " in " : "", folder != NULL ? folder : "", strerror(why));
}

td_status td__program_start(const char *const *argv, const char *folder, td__program **out,
                            td_error *err) {
    int to[2] = {-1, -1}, from[2] = {-1, -1}, told[2] = {-1, -1};
    *out = NULL;
    td__program *p = calloc(1, sizeof *p);
    char **environment = make_environment();
    if (p == NULL || environment == NULL) {
        free(environment);
        free(p);
        return td_fail(err, TD_E_MEMORY, "out of memory");
    }
    int why = make_pipe(to) && make_pipe(from) && make_pipe(told) ? 0 : errno;
    if (why == 0) {
        const int ends[2] = {to[0], from[1]};
        const pid_t self = getpid();
        sigset_t all, old;
        sigfillset(&all);
        pthread_sigmask(SIG_BLOCK, &all, &old);
        p->keeper = fork();
        if (p->keeper == 0) be_keeper(argv, environment, folder, ends, told[1], self);
        why = p->keeper < 0 ? errno : 0;
        pthread_sigmask(SIG_SETMASK, &old, NULL);
    }
    free(environment);
    close_end(&to[0]);
    close_end(&from[1]);
    close_end(&told[1]);
    if (why == 0) {
        why = hear_of_exec(told[0]);
        if (why != 0) waitpid(p->keeper, NULL, 0);
    }
    close_end(&told[0]);
    if (why != 0) {
        close_both(to);
        close_both(from);
        free(p);
        return fail_start(argv, folder, why, err);
    }
    fcntl(to[1], F_SETFL, O_NONBLOCK);
    fcntl(from[0], F_SETFL, O_NONBLOCK);
    p->in = to[1];
    p->out = from[0];
    *out = p;
    return TD_OK;
}

/* ---- talking --------------------------------------------------------------------------------- */

/* Has the keeper ended? It stays a zombie, so that its group's number is not given again. */
static bool has_ended(pid_t keeper) {
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)keeper, &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
           info.si_pid == keeper;
}

/* Waits for an event on fd. TD__HEARD_LINE: it is there. TD__HEARD_END: the program has ended,
 * though something that it has started may hold its side open. */
static td__heard await(const td__program *p, int fd, short event, const td__patience *w) {
    for (;;) {
        struct pollfd f = {.fd = fd, .events = event};
        double left_ms = 1e3 * (w->until - td_time_mono_s());
        if (left_ms <= 0) return TD__HEARD_LATE;
        /* In this order: what it wrote before its end is there by then. */
        bool over = has_ended(p->keeper);
        int wait_ms = over ? 0 : left_ms < SLICE_MS ? (int)ceil(left_ms) : SLICE_MS;
        if (poll(&f, 1, wait_ms) > 0) return TD__HEARD_LINE;
        if (over) return TD__HEARD_END;
        if (w->stop != NULL && w->stop(w->self)) return TD__HEARD_STOP;
    }
}

/* Without a signal if nobody reads any more. */
static ssize_t write_quietly(int fd, const char *data, size_t n) {
    sigset_t sigpipe, pending, old;
    sigemptyset(&sigpipe);
    sigaddset(&sigpipe, SIGPIPE);
    sigpending(&pending);
    pthread_sigmask(SIG_BLOCK, &sigpipe, &old);
    ssize_t done = write(fd, data, n);
    int why = errno;
    const struct timespec now = {0};
    if (done < 0 && why == EPIPE && !sigismember(&pending, SIGPIPE))
        while (sigtimedwait(&sigpipe, NULL, &now) < 0 && errno == EINTR) {
        }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    errno = why;
    return done;
}

td__heard td__program_send(td__program *p, const char *line, size_t n, const td__patience *w) {
    while (n > 0) {
        ssize_t done = write_quietly(p->in, line, n);
        if (done >= 0) {
            line += done;
            n -= (size_t)done;
        } else if (errno == EAGAIN) {
            td__heard h = await(p, p->in, POLLOUT, w);
            if (h != TD__HEARD_LINE) return h;
        } else if (errno != EINTR) {
            return TD__HEARD_END;
        }
    }
    return TD__HEARD_LINE;
}

/* Room for more behind what is there. false: the line is too long, or memory is out. */
static bool make_room(td__program *p) {
    if (p->start > 0 && p->start + p->size == p->capacity) {
        memmove(p->buffer, p->buffer + p->start, p->size);
        p->start = 0;
    }
    if (p->start + p->size < p->capacity) return true;
    if (p->size >= LONGEST_LINE) return false;
    size_t wide = p->capacity > 0 ? 2 * p->capacity : 4096;
    char *buffer = realloc(p->buffer, wide);
    if (buffer == NULL) return false;
    p->buffer = buffer;
    p->capacity = wide;
    return true;
}

/* A whole line of what was read, or the rest at the end of all. */
static bool take_line(td__program *p, const char **line, size_t *n) {
    char *from = p->buffer + p->start;
    char *end = p->size > 0 ? memchr(from, '\n', p->size) : NULL;
    if (end == NULL && (!p->ended || p->size == 0)) return false;
    size_t taken = end != NULL ? (size_t)(end - from) + 1 : p->size;
    *line = from;
    *n = end != NULL ? taken - 1 : taken;
    p->start += taken;
    p->size -= taken;
    return true;
}

td__heard td__program_hear(td__program *p, const td__patience *w, const char **line, size_t *n) {
    while (!take_line(p, line, n)) {
        if (p->ended) return TD__HEARD_END;
        if (p->size == 0) p->start = 0;
        if (!make_room(p)) return TD__HEARD_LONG;
        size_t at = p->start + p->size;
        ssize_t got = read(p->out, p->buffer + at, p->capacity - at);
        if (got > 0) {
            p->size += (size_t)got;
        } else if (got == 0) {
            p->ended = true;
        } else if (errno == EAGAIN) {
            td__heard h = await(p, p->out, POLLIN, w);
            if (h == TD__HEARD_END)
                p->ended = true;
            else if (h != TD__HEARD_LINE)
                return h;
        } else if (errno != EINTR) {
            p->ended = true;
        }
    }
    return TD__HEARD_LINE;
}

bool td__program_rest(const td__program *p, const char **text, size_t *n) {
    *text = p->buffer + p->start;
    *n = p->size;
    return p->size > 0;
}

bool td__program_stirs(td__program *p) {
    struct pollfd f = {.fd = p->out, .events = POLLIN};
    return p->ended || p->size > 0 || poll(&f, 1, 0) != 0;
}

/* ---- the end --------------------------------------------------------------------------------- */

void td__program_end(td__program *p, double grace_s, bool *clean, char how[48]) {
    static const struct timespec pause = {.tv_nsec = 1000000};
    int status = 0;
    bool killed = false;
    if (p == NULL) return;
    close_end(&p->in);
    double until = td_time_mono_s() + grace_s;
    while (!(killed = !has_ended(p->keeper) && td_time_mono_s() >= until) && !has_ended(p->keeper))
        nanosleep(&pause, NULL);
    kill(-p->keeper, SIGKILL);
    while (waitpid(p->keeper, &status, 0) < 0 && errno == EINTR) {
    }
    if (clean != NULL) *clean = !killed && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (how != NULL) {
        if (killed)
            snprintf(how, 48, "it was killed");
        else if (WIFSIGNALED(status))
            snprintf(how, 48, "killed by signal %d (%.24s)", WTERMSIG(status),
                     strsignal(WTERMSIG(status)));
        else
            snprintf(how, 48, "exit status %d", WEXITSTATUS(status));
    }
    close_end(&p->out);
    free(p->buffer);
    free(p);
}
