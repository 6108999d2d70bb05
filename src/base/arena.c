/* Arena: a list of blocks that are filled from the front; reset goes back to the first block. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

/* Under AddressSanitizer what is not handed out is poisoned, so that overruns between neighbours in
 * a block are found as those of malloc are. */
#if defined(__SANITIZE_ADDRESS__)
#define ARENA_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_ASAN 1
#endif
#endif
#ifdef ARENA_ASAN
#include <sanitizer/asan_interface.h>
#define POISON(p, n) ASAN_POISON_MEMORY_REGION((p), (n))
#define UNPOISON(p, n) ASAN_UNPOISON_MEMORY_REGION((p), (n))
enum { RED_ZONE = 16 };
#else
#define POISON(p, n) ((void)(p), (void)(n))
#define UNPOISON(p, n) ((void)(p), (void)(n))
enum { RED_ZONE = 0 };
#endif

enum { ALIGN = 16, FIRST_BLOCK = 8 << 10, LAST_BLOCK = 1 << 20 };

typedef struct block {
    struct block *next;
    size_t size, used;
    size_t pad; /* keeps data on 16 bytes; malloc gives such blocks on all 64-bit machines */
    unsigned char data[];
} block;

struct td_arena {
    block *first, *now;
    size_t next_size;
    bool failed;
};

_Static_assert(offsetof(block, data) % ALIGN == 0, "block data must be aligned");

static void (*handler)(void);

void td_memory_handler(void (*out_of_memory)(void)) {
    handler = out_of_memory;
}

void td__memory_out(void) {
    if (handler != NULL) handler();
}

td_arena *td_arena_create(void) {
    td_arena *a = calloc(1, sizeof *a);
    if (a != NULL) a->next_size = FIRST_BLOCK;
    return a;
}

void td_arena_destroy(td_arena *a) {
    if (a == NULL) return;
    for (block *b = a->first; b != NULL;) {
        block *next = b->next;
        UNPOISON(b->data, b->size);
        free(b);
        b = next;
    }
    free(a);
}

void td_arena_reset(td_arena *a) {
    if (a == NULL) return;
    for (block *b = a->first; b != NULL; b = b->next) {
        b->used = 0;
        POISON(b->data, b->size);
    }
    a->now = a->first;
    a->failed = false;
}

static block *add_block(td_arena *a, size_t need) {
    size_t size = a->next_size > need ? a->next_size : need;
    block *b = malloc(sizeof *b + size);
    if (b == NULL) return NULL;
    b->size = size;
    b->used = 0;
    POISON(b->data, size);
    if (a->now != NULL) {
        b->next = a->now->next;
        a->now->next = b;
    } else {
        b->next = NULL;
        a->first = b;
    }
    if (a->next_size < LAST_BLOCK) a->next_size *= 2;
    return b;
}

void *td_arena_alloc(td_arena *a, size_t bytes) {
    if (a == NULL) return NULL;
    if (bytes > PTRDIFF_MAX / 2) {
        a->failed = true;
        td__memory_out();
        return NULL;
    }
    size_t need = (bytes + RED_ZONE + (ALIGN - 1)) & ~(size_t)(ALIGN - 1);
    if (need == 0) need = ALIGN;
    /* After a reset the blocks behind the current one are empty and wait to be used again. */
    block *b = a->now;
    while (b != NULL && b->size - b->used < need && b->next != NULL) b = b->next;
    if (b == NULL || b->size - b->used < need) {
        a->now = b;
        b = add_block(a, need);
        if (b == NULL) {
            a->failed = true;
            td__memory_out();
            return NULL;
        }
    }
    a->now = b;
    void *p = b->data + b->used;
    b->used += need;
    UNPOISON(p, bytes);
    return memset(p, 0, bytes);
}

bool td_arena_failed(const td_arena *a) {
    return a->failed;
}

char *td_arena_strdup(td_arena *a, const char *s) {
    if (s == NULL) return NULL;
    size_t n = strlen(s) + 1;
    char *copy = td_arena_alloc(a, n);
    return copy != NULL ? memcpy(copy, s, n) : NULL;
}

char *td_arena_printf(td_arena *a, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n < 0) return NULL;
    char *s = td_arena_alloc(a, (size_t)n + 1);
    if (s == NULL) return NULL;
    va_start(args, format);
    vsnprintf(s, (size_t)n + 1, format, args);
    va_end(args);
    return s;
}
