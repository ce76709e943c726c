/* Sending: a burst is sorted by source; each source's part is one call of sendmmsg, in which runs
 * of datagrams of equal length are one message that the kernel cuts. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>

#include "sockets_priv.h"

/** The frames of one source in a burst, sorted[first .. first + count). */
struct group {
    struct sockets_source *source;
    unsigned first, count;
};

struct sorted_burst {
    struct sl_frame *frames[SOCKETS_BURST];
    struct group groups[SOCKETS_BURST];
    unsigned group_count;
};

static struct sockets_source *source_of(struct sl_sockets *sockets, const struct sl_frame *frame)
{
    const uint32_t number = frame->tuple_hash;
    return number < sockets->config.sources_max ? &sockets->sources[number] : &sockets->nowhere;
}

/** A counting sort by source, in the order in which they first come, that keeps each one's order.
 */
static void sort_burst(struct sl_sockets *sockets, struct sl_frame **frames, unsigned n,
                       struct sorted_burst *out)
{
    /* cppcheck-suppress ctuuninitvar ; an array in it, not a pointer that it holds */
    struct group *groups = out->groups;
    uint16_t group_of[SOCKETS_BURST];
    unsigned count = 0;
    for (unsigned i = 0; i < n; i++) {
        struct sockets_source *source = source_of(sockets, frames[i]);
        if (source->group == SOCKETS_NO_GROUP) {
            source->group = (uint16_t)count;
            groups[count++] = (struct group){.source = source};
        }
        group_of[i] = source->group;
        groups[source->group].count++;
    }
    for (unsigned g = 0, first = 0; g < count; g++) {
        groups[g].source->group = SOCKETS_NO_GROUP;
        groups[g].first = first;
        first += groups[g].count;
        groups[g].count = 0;
    }
    for (unsigned i = 0; i < n; i++) {
        struct group *group = &groups[group_of[i]];
        out->frames[group->first + group->count++] = frames[i];
    }
    out->group_count = count;
}

/** How many frames from the first on go as one message: of its length, but for a shorter last. */
static unsigned run_len(const struct sockets_source *source, struct sl_frame **frames, unsigned n)
{
    const unsigned segment_len = frames[0]->len;
    if (segment_len == 0 || segment_len > source->segment_max)
        return 1;
    unsigned count = 1, total_len = segment_len;
    while (count < n && frames[count - 1]->len == segment_len) {
        const unsigned len = frames[count]->len;
        total_len += len;
        if (len == 0 || len > segment_len || total_len > SL_SOCKETS_ROOM_MAX)
            break;
        count++;
    }
    return count;
}

static void ask_to_cut(struct msghdr *message, union sockets_control *control, uint16_t segment_len)
{
    message->msg_control = control;
    message->msg_controllen = CMSG_SPACE(sizeof segment_len);
    struct cmsghdr *header = CMSG_FIRSTHDR(message);
    header->cmsg_level = IPPROTO_UDP;
    header->cmsg_type = UDP_SEGMENT;
    header->cmsg_len = CMSG_LEN(sizeof segment_len);
    memcpy(CMSG_DATA(header), &segment_len, sizeof segment_len);
}

/** return how many messages they make. */
static unsigned make_messages(struct sl_sockets *sockets, const struct sockets_source *source,
                              struct sl_frame **frames, unsigned n)
{
    struct sockets_outgoing *out = &sockets->outgoing;
    unsigned count = 0;
    for (unsigned at = 0; at < n; count++) {
        const unsigned run = run_len(source, frames + at, n - at);
        for (unsigned i = at; i < at + run; i++)
            out->parts[i] = (struct iovec){frames[i]->data, frames[i]->len};
        struct msghdr *message = &out->messages[count].msg_hdr;
        *message = (struct msghdr){.msg_iov = &out->parts[at], .msg_iovlen = run};
        if (run > 1)
            ask_to_cut(message, &out->control[count], frames[at]->len);
        out->frame_count[count] = run;
        at += run;
    }
    return count;
}

enum verdict {
    VERDICT_FULL,  /* later */
    VERDICT_UNCUT, /* now, one by one */
    VERDICT_AGAIN, /* now, rid of an earlier datagram's error */
    VERDICT_LOST,
};

/**
 * What an error of the first message of `outgoing` means. The kernel tells what became of earlier
 * datagrams (ICMP) instead of sending this one: so it is tried once more.
 * is_second  it is that one's second time.
 */
static enum verdict judge(struct sl_sockets *sockets, struct sockets_source *source, int error,
                          uint16_t segment_len, bool is_second)
{
    const bool is_cut = sockets->outgoing.frame_count[0] > 1;
    if (error == EAGAIN || error == ENOBUFS || error == ENOMEM) {
        sockets_count(sockets, SL_SOCKET_SEND_FULL, 1);
        return VERDICT_FULL;
    }
    if (is_cut && (error == EIO || error == EINVAL || error == EMSGSIZE)) {
        /* EIO: this device can't at all; else: not so large ones over this path. */
        source->segment_max = error == EIO ? 0 : (uint16_t)(segment_len - 1);
        sockets_count(sockets, SL_SOCKET_UNCUT, 1);
        return VERDICT_UNCUT;
    }
    if (error == EMSGSIZE) {
        sockets_count(sockets, SL_SOCKET_SEND_TOO_LARGE, 1);
        return VERDICT_LOST;
    }
    sockets_count_error(sockets, error, SL_SOCKET_SEND_ERROR);
    if (!is_second)
        return VERDICT_AGAIN;
    sockets_count(sockets, SL_SOCKET_SEND_LOST, sockets->outgoing.frame_count[0]);
    return VERDICT_LOST;
}

/** Counts what the first `count` messages were. return how many frames. */
static unsigned count_sent(struct sl_sockets *sockets, unsigned count)
{
    unsigned frame_count = 0, cut_count = 0;
    for (unsigned i = 0; i < count; i++) {
        const unsigned run = sockets->outgoing.frame_count[i];
        frame_count += run;
        cut_count += run > 1 ? run : 0;
    }
    sockets_count(sockets, SL_SOCKET_SENT, frame_count);
    sockets_count(sockets, SL_SOCKET_CUT, cut_count);
    return frame_count;
}

/** Sends frames [n] of one source. return how many are done with. */
static unsigned send_group(struct sl_sockets *sockets, struct sockets_source *source,
                           struct sl_frame **frames, unsigned n)
{
    if (source->fd < 0) {
        sockets_count(sockets, SL_SOCKET_SEND_NO_SOURCE, n);
        return n;
    }
    unsigned done = 0, tried_twice = n, broken_off = n; /* n: none */
    while (done < n) {
        const unsigned count = make_messages(sockets, source, frames + done, n - done);
        const int sent =
            sendmmsg(source->fd, sockets->outgoing.messages, count, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent >= 0) {
            /* A call that ends early swallows the error; one of an earlier datagram is gone then.
             */
            sockets_count(sockets, SL_SOCKET_SEND_ERROR, broken_off == done);
            done += count_sent(sockets, (unsigned)sent);
            broken_off = done;
            continue;
        }
        broken_off = n;
        switch (judge(sockets, source, errno, frames[done]->len, tried_twice == done)) {
        case VERDICT_FULL:
            return done;
        case VERDICT_UNCUT:
            break;
        case VERDICT_AGAIN:
            tried_twice = done;
            break;
        case VERDICT_LOST:
            done += sockets->outgoing.frame_count[0];
        }
    }
    return done;
}

/** A burst: its frames that are done with first, then those that wait. return how many are done
 * with. */
static unsigned send_burst(struct sl_sockets *sockets, struct sl_frame **frames, unsigned n)
{
    struct sorted_burst sorted;
    unsigned done_count = 0, waiting_count = 0;
    struct sl_frame *waiting[SOCKETS_BURST];
    sort_burst(sockets, frames, n, &sorted);
    for (unsigned g = 0; g < sorted.group_count; g++) {
        const struct group *group = &sorted.groups[g];
        struct sl_frame **own = sorted.frames + group->first;
        const unsigned done = send_group(sockets, group->source, own, group->count);
        memcpy(frames + done_count, own, done * sizeof own[0]);
        done_count += done;
        memcpy(waiting + waiting_count, own + done, (group->count - done) * sizeof own[0]);
        waiting_count += group->count - done;
    }
    /* cppcheck-suppress uninitvar ; it sees a burst of no groups, and a copy of no bytes */
    memcpy(frames + done_count, waiting, waiting_count * sizeof waiting[0]);
    sl_sockets_free(sockets, frames, done_count);
    return done_count;
}

unsigned sl_sockets_transmit(struct sl_sockets *sockets, struct sl_frame **frames, unsigned n)
{
    unsigned done = 0;
    while (done < n) {
        const unsigned count = n - done < SOCKETS_BURST ? n - done : SOCKETS_BURST;
        const unsigned taken = send_burst(sockets, frames + done, count);
        done += taken;
        if (taken < count)
            break;
    }
    return done;
}
