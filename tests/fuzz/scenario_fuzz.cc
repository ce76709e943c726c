/** Scenarios of sluice-load, and the JSON of runs that it compares: refused with FILE:LINE: reason,
 * or read within all limits. app/load */
#include "fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

extern "C" {
#include "outcome.h"
}

using fuzz::Bytes;

namespace
{

// "FILE:LINE: reason" on one line.
void check_error(const std::string &path, const std::string &error, const Bytes &text)
{
    FUZZ_CHECK(error.compare(0, path.size() + 1, path + ":") == 0);
    char *end;
    unsigned long line = strtoul(error.c_str() + path.size() + 1, &end, 10);
    FUZZ_CHECK(line >= 1 && line <= text.size() + 2);
    FUZZ_CHECK(strncmp(end, ": ", 2) == 0 && end[2] != '\0');
    for (const char *c = end; *c != '\0'; c++)
        FUZZ_CHECK((unsigned char)*c >= ' ' && *c != 0x7f);
}

void check_limits(const plan &plan)
{
    FUZZ_CHECK(plan.clients >= 1 && plan.cores >= 1 && plan.cores <= plan.clients);
    FUZZ_CHECK(plan.cid_len >= -1 && plan.cid_len <= 20);
    FUZZ_CHECK(plan.rate >= 0 && plan.rate <= 1e9 && plan.storm >= 0);
    FUZZ_CHECK(plan.rebind >= 0 && plan.rebind <= 1 && plan.max_loss >= 0 && plan.max_loss <= 1);
    FUZZ_CHECK(plan.sizes.count >= 1 && plan.sizes.count <= SL_LOAD_SIZES_MAX);
    FUZZ_CHECK(plan.duration_ns > plan.warmup_ns && plan.late_after_ns > 0);
    FUZZ_CHECK(plan.fingerprints.count <= VALUE_LIST_MAX);
    FUZZ_CHECK(plan.node_ids.count <= VALUE_LIST_MAX);
    FUZZ_CHECK(plan.server != nullptr && (plan.cert == nullptr) == (plan.key == nullptr));
    if (plan.sources.ip_count > 0)
        FUZZ_CHECK(plan.sources.port_count >= 1 && plan.sources.port_count <= 65535);
    FUZZ_CHECK(plan.sources.first_port + plan.sources.port_count <= 65536);
}

void read_scenario(const std::string &path, const Bytes &text)
{
    char error[640] = "";
    struct plan plan;
    plan_init(&plan);
    if (!plan_read_file(&plan, path.c_str(), error, sizeof error))
        check_error(path, error, text);
    else if (plan_check(&plan, error, sizeof error))
        check_limits(plan);
    else
        FUZZ_CHECK(error[0] != '\0');
    plan_wipe(&plan);
}

void read_run(const std::string &path, const Bytes &text)
{
    char error[640] = "";
    outcome outcome;
    if (!outcome_read(path.c_str(), &outcome, error, sizeof error)) {
        check_error(path, error, text);
        return;
    }
    char *script = nullptr;
    size_t script_len = 0;
    FILE *out = open_memstream(&script, &script_len);
    plot_write_script(&outcome, 1, "x.png", out);
    fclose(out);
    FUZZ_CHECK(memchr(script, '`', script_len) == nullptr);
    free(script);
    outcome_wipe(&outcome);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int fd = memfd_create("scenario", MFD_CLOEXEC);
    static const std::string path = "/proc/self/fd/" + std::to_string(fd);
    FUZZ_CHECK(ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (ssize_t)size);
    const Bytes text(data, data + size);
    read_scenario(path, text);
    read_run(path, text);
    return 0;
}

std::vector<Bytes> fuzz::seeds()
{
    const std::string least = "server: {address: 'a:1', insecure: true}\n";
    const std::string most =
        "server: {address: '[2001:db8::1]:4433', ca: a, name: b, fingerprints: [aa, bb], node_ids: "
        "[n], crl: c}\n"
        "clients: {count: 1k, from: '198.18.0.2-198.18.0.9:1024-65535', ramp: 5, in_flight: 9}\n"
        "handshake: {cid: none, resume: true, suites: x, first_timeout: 1s, timeout: 10s}\n"
        "identity: {cert: c, key: k, psk: p}\n"
        "data: {rate: 1.5M, poisson: yes, size: '64:7,512:4', duration: 1m, warmup: 1s,\n"
        "  echo: true, late_after: 500ms}\n"
        "changes: {churn: 10, rebind: 1%, idle: 5s/20s}\n"
        "search: {max_loss: 0.1%, trial: 5s, settle: 1s, precision: 1%, from_rate: 1, to_rate: 2}\n"
        "program: {cores: 2, seed: 7, json: a, csv: b, plot: c.svg, quiet: true}\n";
    const std::string run =
        "{\"program\": \"sluice-load\", \"format\": 1, \"began\": \"`now`\",\n"
        " \"scenario\": {\"server\": {\"address\": \"a:1\"}, \"clients\": {\"count\": 3}},\n"
        " \"messages\": {\"sent\": 5, \"latency_curve\": [{\"us\": 1.5, \"share\": 0.5},\n"
        "  {\"us\": 1e9, \"share\": 1}]},\n"
        " \"series\": [{\"time_s\": 1, \"span_s\": 1, \"phase\": \"run\", \"sent\": 5,\n"
        "  \"echoed\": 4, \"late\": 0, \"lost\": 1, \"handshakes\": 0, \"handshakes_failed\": 0,\n"
        "  \"p50_us\": 80, \"p99_us\": 90, \"p99_9_us\": null}]}\n";
    std::vector<Bytes> seeds;
    for (const std::string &text : {least, most, run, least + "data: &x [*x]\n"})
        seeds.push_back(of_text(text));
    /* Values of every kind, most of them none. */
    for (const std::string line : {"data: {rate: 0.0001}",
                                   "data: {rate: x}",
                                   "data: {duration: 2000h}",
                                   "data: {duration: 5x}",
                                   "data: {poisson: maybe}",
                                   "data: {poisson: false}",
                                   "data: {duration: forever}",
                                   "port: {driver: x}",
                                   "port: {driver: dpdk, devices: [a]}",
                                   "search: {max_loss: 200%}",
                                   "search: {max_loss: 0.5}",
                                   "changes: {idle: 5s}",
                                   "changes: {idle: 0s/1s}",
                                   "changes: {idle: 1s/x}",
                                   "clients: {count: 0}",
                                   "program: {seed: 99999999999999999999}",
                                   "handshake: {cid: 21}",
                                   "handshake: {cid: 20}",
                                   "handshake: {suites: ''}",
                                   "program: {cores: 0x}",
                                   "data: {size: '64:0'}"})
        seeds.push_back(of_text(least + line + "\n"));
    for (const std::string hop : {"198.18.0.1", "02:00:00:00:00:01", "02:00:00:00:00", "x",
                                  "02-00-00-00-00-01", "'2001:db8::1'"})
        seeds.push_back(of_text(least + "port: {next_hop: " + hop + "}\n"));
    /* Titles of runs. */
    for (const std::string how :
         {"\"data\": {\"rate\": 5, \"size\": \"9\"}", "\"handshake\": {\"storm\": 3}",
          "\"search\": {\"find_max\": true}"}) {
        std::string other = run;
        other.replace(other.find("\"clients\""), 0, how + ", ");
        seeds.push_back(of_text(other));
    }
    std::string many = "server: {address: 'a:1', fingerprints: [aa";
    for (int i = 0; i < 40; i++)
        many += ", bb";
    seeds.push_back(of_text(many + "]}\n"));
    return seeds;
}
