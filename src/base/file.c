/* Whole files in and out, folders, and where the shipped files are. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tandem/base.h"

/* What is to be read and is not there is not found; a file that cannot be made, for whatever
 * reason, is a fault of writing. */
static td_status fail_errno(td_error *err, const char *path, const char *doing, int code) {
    bool reading = strcmp(doing, "open") == 0 || strcmp(doing, "read") == 0;
    td_status s = TD_E_IO;
    if (reading && (code == ENOENT || code == ENOTDIR)) s = TD_E_NOT_FOUND;
    if (code == ENOMEM) s = TD_E_MEMORY;
    const char *text = strerrordesc_np(code);
    if (code == ENOENT) text = "no such file or folder";
    if (code == ENOSPC) text = "no space left on device";
    if (code == EDQUOT) text = "disk quota exceeded";
    return td_fail(err, s, "%s: cannot %s: %s", path, doing, text != NULL ? text : "unknown error");
}

static int open_retry(const char *path, int flags, mode_t mode) {
    int fd;
    do fd = open(path, flags | O_CLOEXEC, mode);
    while (fd < 0 && errno == EINTR);
    return fd;
}

/* Reads until the end of the file or one byte more than max; *data grows as needed. */
static td_status read_all(int fd, const char *path, size_t expected, size_t max, char **data,
                          size_t *size, td_error *err) {
    size_t used = 0, capacity = expected + 2;
    char *buffer = malloc(capacity);
    if (buffer == NULL) return fail_errno(err, path, "read", ENOMEM);
    for (;;) {
        if (capacity - used < 2) {
            char *larger = realloc(buffer, capacity * 2);
            if (larger == NULL) {
                free(buffer);
                return fail_errno(err, path, "read", ENOMEM);
            }
            buffer = larger;
            capacity *= 2;
        }
        ssize_t n = read(fd, buffer + used, capacity - used - 1);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) {
            int code = errno;
            free(buffer);
            return fail_errno(err, path, "read", code);
        }
        used += (size_t)n;
        if (used > max) {
            free(buffer);
            return td_fail(err, TD_E_INPUT, "%s: larger than the limit of %zu bytes", path, max);
        }
        if (n == 0) break;
    }
    buffer[used] = '\0';
    *data = buffer;
    *size = used;
    return TD_OK;
}

td_status td_file_read(const char *path, size_t max_bytes, char **data, size_t *size,
                       td_error *err) {
    *data = NULL;
    *size = 0;
    size_t max = max_bytes > 0 ? max_bytes : (size_t)1 << 30;
    int fd = open_retry(path, O_RDONLY, 0);
    if (fd < 0) return fail_errno(err, path, "open", errno);
    struct stat st;
    td_status s;
    if (fstat(fd, &st) != 0)
        s = fail_errno(err, path, "read", errno);
    else if (S_ISDIR(st.st_mode))
        s = td_fail(err, TD_E_INPUT, "%s: expected a file, found a folder", path);
    else if (st.st_size > 0 && (uint64_t)st.st_size > max)
        s = td_fail(err, TD_E_INPUT, "%s: %lld bytes, larger than the limit of %zu", path,
                    (long long)st.st_size, max);
    else
        s = read_all(fd, path, S_ISREG(st.st_mode) ? (size_t)st.st_size : 4096, max, data, size,
                     err);
    close(fd);
    return s;
}

static int write_all(int fd, const char *data, size_t size) {
    while (size > 0) {
        ssize_t n = write(fd, data, size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return errno;
        data += n;
        size -= (size_t)n;
    }
    return 0;
}

/* Opens a new file beside `path`; its name goes to temporary. Not mkstemp: the umask must decide on
 * the mode, as for any file that a program writes. */
static int open_temporary(const char *path, char *temporary, size_t size) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    uint64_t id = td_hash(&now, sizeof now, (uint64_t)getpid() ^ (uint64_t)(uintptr_t)&now);
    for (int attempt = 0; attempt < 64; attempt++, id = td_hash(&id, sizeof id, 1)) {
        int n = snprintf(temporary, size, "%s.%08x.tmp", path, (unsigned)id);
        if (n < 0 || (size_t)n >= size) {
            errno = ENAMETOOLONG;
            return -1;
        }
        int fd = open_retry(temporary, O_WRONLY | O_CREAT | O_EXCL, 0666);
        if (fd >= 0 || errno != EEXIST) return fd;
    }
    return -1;
}

/* The rename itself is on disk only once the folder is. Some file systems cannot sync folders; the
 * file is whole either way, so this does not fail. */
static void sync_folder(char *path) {
    char *slash = strrchr(path, '/');
    if (slash == path) slash++;
    if (slash != NULL) *slash = '\0';
    int fd = open_retry(slash != NULL ? path : ".", O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0) return;
    (void)fsync(fd);
    close(fd);
}

td_status td_file_write(const char *path, const void *data, size_t size, td_error *err) {
    struct stat st;
    char target[PATH_MAX], temporary[PATH_MAX + 32];
    bool exists = stat(path, &st) == 0;
    if (exists && S_ISDIR(st.st_mode))
        return td_fail(err, TD_E_IO, "%s: cannot write: it is a folder", path);
    if (exists && !S_ISREG(st.st_mode)) { /* a terminal or a pipe: nothing to put in its place */
        int fd = open_retry(path, O_WRONLY, 0);
        int code = fd >= 0 ? write_all(fd, data, size) : errno;
        if (fd >= 0) close(fd);
        return code == 0 ? TD_OK : fail_errno(err, path, "write", code);
    }
    /* A symbolic link stays, and the file it points to is replaced. */
    if (!exists || realpath(path, target) == NULL) {
        if ((size_t)snprintf(target, sizeof target, "%s", path) >= sizeof target)
            return fail_errno(err, path, "write", ENAMETOOLONG);
    }
    int fd = open_temporary(target, temporary, sizeof temporary);
    if (fd < 0) return fail_errno(err, path, "write", errno);
    int code = write_all(fd, data, size);
    if (code == 0 && exists && fchmod(fd, st.st_mode & 0777) != 0) code = errno;
    if (code == 0 && fsync(fd) != 0) code = errno;
    if (close(fd) != 0 && code == 0) code = errno;
    if (code == 0 && rename(temporary, target) != 0) code = errno;
    if (code != 0) {
        unlink(temporary);
        return fail_errno(err, path, "write", code);
    }
    sync_folder(target);
    return TD_OK;
}

td_status td_dir_make(const char *path, td_error *err) {
    char part[PATH_MAX];
    size_t n = strlen(path);
    if (n == 0) return td_fail(err, TD_E_USAGE, "cannot make a folder without a name");
    if (n >= sizeof part) return fail_errno(err, path, "make folder", ENAMETOOLONG);
    memcpy(part, path, n + 1);
    for (size_t i = 1; i <= n; i++) {
        if (part[i] != '/' && part[i] != '\0') continue;
        char rest = part[i];
        part[i] = '\0';
        struct stat st;
        if (mkdir(part, 0777) != 0) {
            int code = errno;
            /* EEXIST, but also EROFS or EACCES on parents that are there */
            if (stat(part, &st) != 0) return fail_errno(err, part, "make folder", code);
            if (!S_ISDIR(st.st_mode))
                return td_fail(err, TD_E_IO, "%s: cannot make folder: a file has this name", part);
        }
        part[i] = rest;
    }
    return TD_OK;
}

bool td_file_exists(const char *path) {
    return access(path, F_OK) == 0;
}

const char *td_file_beside(td_arena *a, const char *document, const char *name) {
    const char *slash = document != NULL ? strrchr(document, '/') : NULL;
    if (name[0] == '/' || slash == NULL || td_file_exists(name)) return name;
    const char *beside = td_arena_printf(a, "%.*s/%s", (int)(slash - document), document, name);
    return beside == NULL || td_file_exists(beside) ? beside : name;
}

static td_status find_shipped(td_arena *a, const char *relative, bool folder, const char **path,
                              td_error *err) {
    const char *root[] = {getenv("TANDEM_DATA"), TD_SOURCE_DIR, TD_INSTALL_DATA};
    *path = NULL;
    for (int i = 0; i < 3; i++) {
        if (root[i] == NULL || root[i][0] == '\0') continue;
        char *candidate = td_arena_printf(a, "%s/%s", root[i], relative);
        if (candidate == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
        struct stat st;
        if (stat(candidate, &st) == 0 && S_ISDIR(st.st_mode) == folder) {
            *path = candidate;
            return TD_OK;
        }
    }
    bool set = root[0] != NULL && root[0][0] != '\0';
    return td_fail(err, TD_E_NOT_FOUND, "no shipped %s \"%s\": looked in %s%s%s, %s and %s",
                   folder ? "folder" : "file", relative, set ? "$TANDEM_DATA (" : "$TANDEM_DATA",
                   set ? root[0] : " (not set)", set ? ")" : "", root[1], root[2]);
}

td_status td_data_find(td_arena *a, const char *relative, const char **path, td_error *err) {
    return find_shipped(a, relative, false, path, err);
}

td_status td_data_dir(td_arena *a, const char *folder, const char **path, td_error *err) {
    return find_shipped(a, folder, true, path, err);
}

static int by_text(const void *x, const void *y) {
    return strcmp(*(const char *const *)x, *(const char *const *)y);
}

int td_data_names(td_arena *a, const char *folder, const char *name[], int most) {
    static const char tail[] = ".yaml";
    const size_t cut = sizeof tail - 1;
    const char *dir;
    int n = 0;
    DIR *d = NULL;
    if (td_data_dir(a, folder, &dir, NULL) == TD_OK) d = opendir(dir);
    for (const struct dirent *e; d != NULL && n < most && (e = readdir(d)) != NULL;) {
        size_t len = strlen(e->d_name);
        if (len <= cut || e->d_name[0] == '.' || strcmp(e->d_name + len - cut, tail) != 0) continue;
        char *copy = td_arena_strdup(a, e->d_name);
        if (copy == NULL) break;
        copy[len - cut] = '\0';
        name[n++] = copy;
    }
    if (d != NULL) closedir(d);
    qsort(name, (size_t)n, sizeof name[0], by_text);
    return n;
}
