#include "worker_processes.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tandem/base.h"

extern char **environ;

/* Written before the thread begins and by it; read by signal handlers, hence no lock. */
static volatile pid_t process[CLI_MOST_WORKERS]; /* 0: none, or it has ended */
static volatile sig_atomic_t n_processes;
static pthread_t watcher;
static bool watching;

static void tell_end(pid_t pid, int status) {
    if (WIFSIGNALED(status))
        fprintf(stderr,
                "\ntandem: warning: worker process %ld was killed by signal %d; the search "
                "goes on without it\n",
                (long)pid, WTERMSIG(status));
    else if (WEXITSTATUS(status) != 0 &&
             WEXITSTATUS(status) != td_status_exit_code(TD_E_INTERRUPTED))
        fprintf(stderr,
                "\ntandem: warning: worker process %ld ended with exit code %d; the search "
                "goes on without it\n",
                (long)pid, WEXITSTATUS(status));
}

/* They are this program's only children. The number is freed before it can be given again, so that
 * no signal goes to a stranger. */
static void *watch(void *unused) {
    (void)unused;
    for (;;) {
        siginfo_t info = {0};
        if (waitid(P_ALL, 0, &info, WEXITED | WNOWAIT) != 0) {
            if (errno == EINTR) continue;
            return NULL;
        }
        int status = 0;
        for (int i = 0; i < n_processes; i++)
            if (process[i] == info.si_pid) process[i] = 0;
        if (waitpid(info.si_pid, &status, 0) == info.si_pid) tell_end(info.si_pid, status);
    }
}

void cli_workers_start(const char *folder, int n, int threads) {
    char path[4096], count[16], parent[24];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    path[length > 0 ? length : 0] = '\0';
    snprintf(count, sizeof count, "%d", threads);
    snprintf(parent, sizeof parent, "%ld", (long)getpid());
    const char *const arguments[] = {"tandem",   "worker", "--quiet", "--threads", count,
                                     "--parent", parent,   "--",      folder,      NULL};
    int failed = 0, why = 0;
    for (int i = 0; i < n && i < CLI_MOST_WORKERS; i++) {
        pid_t pid;
        why = posix_spawn(&pid, path, NULL, NULL, (char *const *)arguments, environ);
        if (why != 0) {
            failed++;
            continue;
        }
        process[n_processes] = pid;
        n_processes = n_processes + 1;
    }
    if (failed > 0)
        fprintf(stderr, "tandem: warning: %d of %d worker processes could not be started: %s\n",
                failed, n, strerror(why));
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old);
    watching = n_processes > 0 && pthread_create(&watcher, NULL, watch, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}

void cli_workers_signal(int sig) {
    for (int i = 0; i < n_processes; i++)
        if (process[i] > 0) kill(process[i], sig);
}

void cli_workers_wait(bool drain) {
    if (n_processes == 0) return;
    if (drain) cli_workers_signal(SIGTERM);
    if (watching)
        pthread_join(watcher, NULL);
    else
        watch(NULL);
    watching = false;
    n_processes = 0;
}
