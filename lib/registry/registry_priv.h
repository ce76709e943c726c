/** What the files of the registry share. */
#ifndef SL_REGISTRY_PRIV_H
#define SL_REGISTRY_PRIV_H

#include <sys/types.h>

#include "sl_registry.h"

#define REASON_LEN 256

/** Consumers that have connected and not said hello yet: at most so many, for so long. */
#define PENDING_MAX 16
#define PENDING_TIMEOUT_NS 2000000000ULL

/** Closes that take long: with so many under way nobody else is let in. */
#define HANG_UPS_MAX 32

/** Memory of the gateway's that a descriptor stands for while it is handed out. */
struct registry_region {
    int fd;
    void *at;
    size_t len;
};

/** One consumer's rings with one worker, and the memory they stand in. */
struct registry_link {
    struct sl_attachment attachment;
    struct registry_region receive; /* struct sl_ring_gateway_words, data */
    struct registry_region send;    /* struct sl_ring_client_words, data */
} __attribute__((aligned(SL_RING_INDEX_ALIGN)));

struct registry_consumer {
    bool in_use;  /* from registration until the last worker gave its rings back */
    bool leaving; /* workers are giving them back */
    int socket;   /* open while registered */
    int wake_fd;  /* our end of the wake-up socket */
    struct sl_wake_gate wake_gate;
    unsigned attached; /* workers that hold an attachment */
    struct sl_consumer_info info;
    struct registry_link *links; /* [worker_count], owned */
};

struct registry_pending {
    int fd; /* -1: free */
    uint64_t deadline_ns;
};

struct sl_registry {
    struct sl_registry_config config;
    char *socket_path; /* own copy */
    int epoll_fd;
    int listen_fd;
    bool listening;           /* the listener is in the epoll set */
    uint64_t listen_again_ns; /* when not, for want of descriptors */
    struct registry_region info_page;
    struct sl_ring_info *info;
    struct registry_pending pending[PENDING_MAX];
    struct registry_consumer consumers[SL_CONSUMERS_MAX];
};

/** Tags of epoll events; the index is in the lower half. */
enum registry_source { SOURCE_LISTENER = 0, SOURCE_PENDING = 1, SOURCE_CONSUMER = 2 };

/* memory.c */

/**
 * A zeroed memfd of len bytes, mapped writable and then sealed: nobody can change its size, and,
 * with read_only, nobody can make another writable mapping. return 0 or -errno.
 */
int registry_region_create(struct registry_region *region, const char *name, size_t len,
                           bool read_only) SL_MUST_USE;
/** Closes the descriptor; the mapping stays. */
void registry_region_close_fd(struct registry_region *region);
void registry_region_destroy(struct registry_region *region);

/** Rings for every worker; return 0 or -errno, all or nothing. */
int registry_links_create(struct sl_registry *registry,
                          struct registry_consumer *consumer) SL_MUST_USE;
void registry_link_destroy(struct registry_link *link);
void registry_links_destroy(struct sl_registry *registry, struct registry_consumer *consumer);
/** Frees rings and wake-up socket; the slot is free again. No worker may hold an attachment. */
void registry_consumer_free(struct sl_registry *registry, struct registry_consumer *consumer);

/* listener.c */

/** Binds and listens; a stale socket is replaced. return the descriptor, or -errno and reason. */
int registry_listen(const char *path, uint32_t mode, char *reason) SL_MUST_USE;
/** Adds fd to the epoll set, or changes it there (EPOLL_CTL_*). return 0 or -errno. */
int registry_watch(struct sl_registry *registry, int operation, int fd, enum registry_source source,
                   unsigned index) SL_MUST_USE;
void registry_accept(struct sl_registry *registry, uint64_t now_ns);

/* join.c */

/** Something came from a connection that has not registered yet: hello, or the end. */
void registry_join(struct sl_registry *registry, struct registry_pending *pending);
/**
 * Looks before it takes: who takes a message closes the descriptors that came with it, and may wait
 * for that (hang_up.c). A consumer has none to send. out [room]; return as recv(2).
 */
ssize_t registry_receive(int socket, void *out, size_t room);
void registry_close_pending(struct sl_registry *registry, struct registry_pending *pending);

/* request.c */

/** Something came from a registered consumer: a request, or the end. */
void registry_hear(struct sl_registry *registry, struct registry_consumer *consumer);

/* hang_up.c */

/** Ends a connection; never waits, whatever the other side has put into it. */
void registry_hang_up(struct sl_registry *registry, int socket);
/** Closes what may take long, in a thread of its own. */
void registry_close_elsewhere(int socket);
/** True while HANG_UPS_MAX such threads are not done. */
bool registry_hangs_up_too_many(void);

/* registry.c */

/** Ends the registration: the socket closes, and the workers are asked for their attachments. */
void registry_leave(struct sl_registry *registry, struct registry_consumer *consumer);

#endif
