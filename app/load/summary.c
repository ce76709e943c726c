/* The table at the end. */
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "result.h"
#include "text.h"

/** Fewer handshakes make no rate. */
#define RATE_COUNT_MIN 100

struct sheet {
    const struct plan *plan;
    const struct result *result;
    FILE *out;
};

static uint64_t counter(const struct sheet *s, enum sl_load_counter which)
{
    return s->result->total.counters[which];
}

/** A line: what it is about, in a column of its own, and then the text. */
static void line(const struct sheet *s, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void line(const struct sheet *s, const char *name, const char *format, ...)
{
    va_list arguments;
    fprintf(s->out, "%-13s", name);
    va_start(arguments, format);
    vfprintf(s->out, format, arguments);
    va_end(arguments);
    fputc('\n', s->out);
}

static double share_of(uint64_t part, uint64_t whole)
{
    return whole == 0 ? 0 : (double)part / (double)whole;
}

static void print_head(const struct sheet *s)
{
    const struct plan *plan = s->plan;
    char clients[TEXT_LEN], rate[TEXT_LEN], run[TEXT_LEN];
    const char *sizes = plan->texts[plan_option_named("size") - plan_options];
    fprintf(s->out, "sluice-load " SLUICE_VERSION ": %s client%s of %s",
            text_count(clients, plan->clients), plan->clients == 1 ? "" : "s", plan->server);
    if (plan->storm > 0)
        fprintf(s->out, ", a storm of %s handshakes a second", text_rate(rate, plan->storm));
    else if (plan->rate > 0)
        fprintf(s->out, ", %s messages a second of %s bytes%s", text_rate(rate, plan->rate),
                sizes != NULL ? sizes : "64", plan->expects_echo ? "" : ", no echo");
    else if (plan->finds_max)
        fprintf(s->out, ", the highest rate of messages of %s bytes", sizes != NULL ? sizes : "64");
    else
        fprintf(s->out, ", no data");
    if (s->result->run_s > 0)
        fprintf(s->out, ", %s", text_ns(run, 1e9 * s->result->run_s));
    fputs("\n\n", s->out);
}

static void print_latency(const struct sheet *s, const char *name, const struct sl_histogram *h)
{
    static const struct {
        const char *name;
        double q;
    } columns[] = {{"p50", 0.5},     {"p90", 0.9},       {"p99", 0.99},
                   {"p99.9", 0.999}, {"p99.99", 0.9999}, {"max", 1}};
    char text[TEXT_LEN];
    if (sl_histogram_count(h) == 0)
        return;
    fprintf(s->out, "%-13s", name);
    for (unsigned i = 0; i < sizeof columns / sizeof columns[0]; i++)
        fprintf(s->out, "%s%s %-9s", i > 0 ? " " : "", columns[i].name,
                text_ns(text, (double)sl_histogram_quantile_ns(h, columns[i].q)));
    fputc('\n', s->out);
}

static void print_handshakes(const struct sheet *s)
{
    char a[TEXT_LEN], b[TEXT_LEN], c[TEXT_LEN], d[TEXT_LEN];
    uint64_t resumed = counter(s, SL_LOAD_HANDSHAKES_RESUMED);
    double span = s->plan->storm > 0 ? s->result->run_s : s->result->connect_s;
    uint64_t completed = counter(s, SL_LOAD_HANDSHAKES_COMPLETED);
    line(s, "handshakes", "%s begun, %s completed (%s with a connection ID), %s failed",
         text_count(a, counter(s, SL_LOAD_HANDSHAKES_BEGUN)), text_count(b, completed),
         text_count(c, counter(s, SL_LOAD_HANDSHAKES_WITH_CID)),
         text_count(d, counter(s, SL_LOAD_HANDSHAKES_FAILED)));
    if (resumed > 0)
        line(s, "", "%s of them resumed a session", text_count(a, resumed));
    if (span > 0 && completed >= RATE_COUNT_MIN && s->plan->churn <= 0)
        line(s, "", "%s a second", text_rate(a, (double)completed / span));
    print_latency(s, "  time", &s->result->total.handshake);
}

static void print_part(const struct sheet *s, const char *name, uint64_t part, uint64_t sent)
{
    char count[TEXT_LEN], share[TEXT_LEN];
    line(s, "", "%-8s %14s %11s", name, text_count(count, part),
         text_share(share, share_of(part, sent)));
}

static void print_oddities(const struct sheet *s)
{
    static const struct {
        enum sl_load_counter which;
        const char *text;
    } odd[] = {{SL_LOAD_REORDERED, "out of order"},
               {SL_LOAD_DUPLICATES, "duplicates"},
               {SL_LOAD_CORRUPT, "not what was sent"},
               {SL_LOAD_STRAY, "not waited for"}};
    char count[TEXT_LEN];
    bool is_first = true;
    for (unsigned i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        if (counter(s, odd[i].which) == 0)
            continue;
        fprintf(s->out, is_first ? "%-13sechoes: " : ", ", "");
        fprintf(s->out, "%s %s", text_count(count, counter(s, odd[i].which)), odd[i].text);
        is_first = false;
    }
    if (!is_first)
        fputc('\n', s->out);
}

static void print_messages(const struct sheet *s)
{
    const struct result *result = s->result;
    uint64_t sent = counter(s, SL_LOAD_SENT);
    char count[TEXT_LEN], rate[TEXT_LEN];
    double span = result->measured_s;
    if (sent == 0)
        return;
    fputc('\n', s->out);
    fprintf(s->out, "%-13s%-8s %14s", "messages", "sent", text_count(count, sent));
    if (span > 0 && !s->plan->finds_max)
        fprintf(s->out, "   %s a second, %.1f Mbit/s of plaintext",
                text_rate(rate, (double)result->measured.counters[SL_LOAD_SENT] / span),
                8e-6 * (double)result->measured.counters[SL_LOAD_SENT_BYTES] / span);
    fputc('\n', s->out);
    if (counter(s, SL_LOAD_UNSENT) > sent / 1000) /* fewer are due between two looks at the time */
        fprintf(s->out, "%-13s%-8s %14s   that were due when their time ended\n", "", "unsent",
                text_count(count, counter(s, SL_LOAD_UNSENT)));
    if (s->plan->expects_echo) {
        print_part(s, "echoed", counter(s, SL_LOAD_ECHOED), sent);
        print_part(s, "late", counter(s, SL_LOAD_LATE), sent);
        print_part(s, "lost", counter(s, SL_LOAD_LOST), sent);
        print_oddities(s);
    }
    print_latency(s, "latency", &result->measured.latency);
    print_latency(s, "pacing error", &result->measured.pacing);
}

static void print_clients(const struct sheet *s)
{
    const struct client_spread *spread = &s->result->spread;
    char a[TEXT_LEN], b[TEXT_LEN], c[TEXT_LEN], d[TEXT_LEN];
    if (!s->plan->expects_echo || spread->clients == 0)
        return;
    line(s, "clients", "%s of %s without loss; loss: median %s, p99 %s, worst %s",
         text_count(a, spread->clients - spread->lost.touched), text_count(b, spread->clients),
         text_share(c, spread->lost.median), text_share(d, spread->lost.p99),
         text_share((char[TEXT_LEN]){0}, spread->lost.worst));
    if (spread->reordered.touched > 0)
        line(s, "", "%s with reordering, worst %s of its messages",
             text_count(a, spread->reordered.touched), text_share(b, spread->reordered.worst));
    if (spread->duplicates.touched > 0)
        line(s, "", "%s with duplicates, worst %s of its messages",
             text_count(a, spread->duplicates.touched), text_share(b, spread->duplicates.worst));
}

/** Of what a port counts, the table shows what went wrong; JSON has it all. */
static bool is_trouble(const char *name)
{
    static const char *const usual[] = {"RECEIVED",   "SENT",     "JOINED",     "CUT",
                                        "rx_packets", "rx_bytes", "tx_packets", "tx_bytes"};
    for (unsigned i = 0; i < sizeof usual / sizeof usual[0]; i++)
        if (strcmp(name, usual[i]) == 0)
            return false;
    return true;
}

static void print_network(const struct sheet *s)
{
    char a[TEXT_LEN], b[TEXT_LEN];
    fputc('\n', s->out);
    line(s, "datagrams", "%s sent, %s received", text_count(a, counter(s, SL_LOAD_TX_FRAMES)),
         text_count(b, counter(s, SL_LOAD_RX_FRAMES)));
    if (counter(s, SL_LOAD_REBOUND) > 0)
        line(s, "", "%s changes of a client's address or port",
             text_count(a, counter(s, SL_LOAD_REBOUND)));
    if (counter(s, SL_LOAD_TX_BUSY) > 0)
        line(s, "", "%s times the port took less than it was given",
             text_count(a, counter(s, SL_LOAD_TX_BUSY)));
    for (unsigned i = 0; i < SL_LOAD_FLOOD_COUNT; i++)
        if (s->result->total.floods[i] > 0)
            line(s, "flood", "%s  %s", text_count(a, s->result->total.floods[i]),
                 sl_load_flood_text(i));
    if (counter(s, SL_LOAD_FLOOD_BYTES) > 0)
        line(s, "", "%s",
             plan_has_dpdk(s->plan)
                 ? "from false addresses; records of living sessions from their clients'"
                 : "from the clients' own sockets: no address is false");
    if (counter(s, SL_LOAD_FLOOD_BYTES) > 0)
        line(s, "", "%s of them answered; bytes of answers for each byte: %.3f",
             text_count(a, counter(s, SL_LOAD_FLOOD_ANSWERS)),
             (double)counter(s, SL_LOAD_FLOOD_ANSWER_BYTES) /
                 (double)counter(s, SL_LOAD_FLOOD_BYTES));
    for (unsigned i = 0; i < s->result->port_stat_count; i++)
        if (s->result->port_stats[i].value > 0 && is_trouble(s->result->port_stats[i].name))
            line(s, "", "%s %s", text_count(a, s->result->port_stats[i].value),
                 s->result->port_stats[i].text);
    const char *name = "dropped";
    for (unsigned d = 1; d < SL_DROP_COUNT; d++)
        if (s->result->total.drops[d] > 0 && d != SL_DROP_CLOSING) { /* the answer to a close */
            line(s, name, "%s  %s", text_count(a, s->result->total.drops[d]), sl_drop_text(d));
            name = "";
        }
    name = "failed";
    for (unsigned i = 0; i < s->result->failure_count; i++) {
        line(s, name, "%s  %s", text_count(a, s->result->failures[i].count),
             s->result->failures[i].text);
        name = "";
    }
}

static const char *outcome_name(enum sl_load_outcome outcome)
{
    static const char *const names[] = {[SL_LOAD_TRIAL_PASSED] = "passed",
                                        [SL_LOAD_TRIAL_FAILED] = "failed",
                                        [SL_LOAD_TRIAL_LIMITED] = "could not be sent so fast"};
    return names[outcome];
}

void summary_print_trial(const struct search_result *search, unsigned i, FILE *out)
{
    const struct sl_load_trial *trial = &search->search.trials[i];
    const struct trial *more = &search->trials[i];
    char ordered[TEXT_LEN], sent[TEXT_LEN], loss[TEXT_LEN], p50[TEXT_LEN], p99[TEXT_LEN];
    fprintf(out, "%-13s%12s %12s %12s %10s %10s  %s\n", "", text_rate(ordered, trial->rate),
            text_rate(sent, trial->offered), text_share(loss, trial->loss),
            text_ns(p50, more->p50_ns), text_ns(p99, more->p99_ns), outcome_name(trial->outcome));
}

void summary_print_trials_head(FILE *out)
{
    fprintf(out, "%-13s%12s %12s %12s %10s %10s\n", "trials", "ordered/s", "sent/s", "lost or late",
            "p50", "p99");
}

static void print_search(const struct sheet *s)
{
    const struct search_result *search = &s->result->search;
    if (search->search.trial_count == 0)
        return;
    fputc('\n', s->out);
    summary_print_trials_head(s->out);
    for (unsigned i = 0; i < search->search.trial_count; i++)
        summary_print_trial(search, i, s->out);
    line(s, "highest rate", "%s", search->sentence);
}

void summary_print(const struct plan *plan, const struct result *result, FILE *out)
{
    struct sheet sheet = {plan, result, out};
    print_head(&sheet);
    print_handshakes(&sheet);
    print_messages(&sheet);
    print_clients(&sheet);
    print_search(&sheet);
    print_network(&sheet);
}
