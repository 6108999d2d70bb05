/* lock.c - byte-range locks on open file descriptions (Linux 3.15). */
#include "lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

td_status td__lock_open(const char *path, td__lock *out, td_error *err) {
    *out = (td__lock){.fd = -1, .path = strdup(path)};
    if (out->path == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    out->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    int e = errno;
    td_status s = TD_OK;
    if (out->fd < 0) {
        s = td_fail(err, TD_E_IO, "%s: %s", path, strerror(e));
    } else if (flock(out->fd, LOCK_SH | LOCK_NB) != 0) {
        e = errno;
        s = e == EWOULDBLOCK ? td_fail(err, TD_E_STORE,
                                       "%s: another tandem process, of an older version, is "
                                       "searching in this folder",
                                       path)
                             : td_fail(err, TD_E_IO, "%s: cannot lock: %s", path, strerror(e));
    }
    if (s != TD_OK) td__lock_close(out);
    return s;
}

void td__lock_close(td__lock *l) {
    if (l->fd >= 0) close(l->fd);
    free(l->path);
    *l = (td__lock){.fd = -1};
}

td_status td__lock_take(const td__lock *l, int64_t byte, td_error *err) {
    struct flock f = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
    if (fcntl(l->fd, F_OFD_SETLK, &f) == 0) return TD_OK;
    const int e = errno;
    if (e == EAGAIN || e == EACCES)
        return td_fail(err, TD_E_STORE, "%s: another process has it", l->path);
    return td_fail(err, TD_E_IO, "%s: cannot lock: %s", l->path, strerror(e));
}

int td__lock_share(const char *path, int64_t byte, double patience_s) {
    static const struct timespec pause = {.tv_nsec = 2000000};
    const double until = td_time_mono_s() + patience_s;
    struct flock f = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && fcntl(fd, F_OFD_SETLK, &f) != 0) {
        if (td_time_mono_s() > until) {
            close(fd);
            return -1;
        }
        nanosleep(&pause, NULL);
    }
    return fd;
}

bool td__lock_held(const td__lock *l, int64_t byte) {
    struct flock f = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
    return fcntl(l->fd, F_OFD_GETLK, &f) == 0 && f.l_type != F_UNLCK;
}

bool td__lock_kept(const td__lock *l) {
    struct stat here, there;
    return fstat(l->fd, &here) == 0 && stat(l->path, &there) == 0 && here.st_ino == there.st_ino &&
           here.st_dev == there.st_dev;
}
