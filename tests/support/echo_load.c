#include "echo_load.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

struct slot {
    bool used;
    unsigned number;
    unsigned tries;
    uint64_t sent_ms;
};

struct run {
    const struct echo_plan *plan;
    const struct echo_transport *transport;
    struct echo_result *result;
    struct slot slots[ECHO_WINDOW_MAX];
    unsigned next; /* number of the first message not sent yet */
};

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static unsigned size_of(const struct echo_plan *plan, unsigned number)
{
    /* 7919 is prime, so the product walks through all sizes in a scattered order. */
    unsigned span = plan->size_max - plan->size_min + 1;
    return plan->size_min + (unsigned)((uint64_t)number * 7919 % span);
}

size_t echo_message(const struct echo_plan *plan, unsigned number, uint8_t *buffer)
{
    size_t len = size_of(plan, number);
    uint32_t state = number * 2654435761u + 1;
    for (size_t i = 0; i < len; i++) {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        buffer[i] = i < 4 ? (uint8_t)(number >> (8 * i)) : (uint8_t)state;
    }
    return len;
}

static bool is_message(const struct echo_plan *plan, unsigned number, const uint8_t *data,
                       size_t len)
{
    uint8_t expected[ECHO_SIZE_MAX];
    return len == size_of(plan, number) && echo_message(plan, number, expected) == len &&
           memcmp(expected, data, len) == 0;
}

static int send_message(struct run *run, struct slot *slot)
{
    uint8_t buffer[ECHO_SIZE_MAX];
    size_t len = echo_message(run->plan, slot->number, buffer);
    slot->tries++;
    slot->sent_ms = now_ms();
    return run->transport->send(run->transport->arg, buffer, len);
}

static int fill_window(struct run *run)
{
    for (unsigned i = 0; i < run->plan->window && run->next < run->plan->messages; i++) {
        struct slot *slot = &run->slots[i];
        if (slot->used)
            continue;
        if (run->next != 0 && run->next == run->plan->rebind && run->transport->rebind)
            run->transport->rebind(run->transport->arg);
        *slot = (struct slot){.used = true, .number = run->next++};
        int error = send_message(run, slot);
        if (error)
            return error;
    }
    return 0;
}

static int resend_late(struct run *run)
{
    for (unsigned i = 0; i < run->plan->window; i++) {
        struct slot *slot = &run->slots[i];
        if (!slot->used || now_ms() - slot->sent_ms < (uint64_t)run->plan->resend_ms)
            continue;
        if (slot->tries >= run->plan->tries)
            return -ETIMEDOUT;
        run->result->resent++;
        int error = send_message(run, slot);
        if (error)
            return error;
    }
    return 0;
}

/* A message sent twice is echoed twice; short ones carry too few bytes to tell their number. */
static bool was_sent(const struct run *run, const uint8_t *data, size_t len)
{
    for (unsigned number = 0; number < run->next; number++) {
        if (is_message(run->plan, number, data, len))
            return true;
    }
    return false;
}

static int take_echo(struct run *run, const uint8_t *data, size_t len)
{
    for (unsigned i = 0; i < run->plan->window; i++) {
        struct slot *slot = &run->slots[i];
        if (slot->used && is_message(run->plan, slot->number, data, len)) {
            slot->used = false;
            run->result->equal++;
            return 0;
        }
    }
    if (run->result->resent != 0 && was_sent(run, data, len)) {
        run->result->repeated++;
        return 0;
    }
    run->result->different++;
    return -EBADMSG;
}

int echo_run(const struct echo_plan *plan, const struct echo_transport *transport,
             struct echo_result *result)
{
    struct run run = {.plan = plan, .transport = transport, .result = result};
    uint64_t start_ms = now_ms();
    int error = 0;

    *result = (struct echo_result){0};
    while (!error && result->equal < plan->messages) {
        error = fill_window(&run);
        if (error)
            break;
        uint8_t data[16384];
        int len = transport->receive(transport->arg, data, sizeof data, plan->resend_ms / 4 + 1);
        if (len > 0)
            error = take_echo(&run, data, (size_t)len);
        else
            error = len;
        if (!error)
            error = resend_late(&run);
    }
    result->elapsed_ms = now_ms() - start_ms;
    return error;
}
