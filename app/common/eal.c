#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_memory.h>

#include "eal.h"
#include "sl_dump.h"

#define ARGUMENTS_MAX 96
#define ARGUMENT_LEN 1024
#define LOG_LINE_LEN 256
#define HUGEPAGES "/sys/kernel/mm/hugepages"

/** An argument vector that owns its strings. */
struct arguments {
    char *at[ARGUMENTS_MAX];
    int count;
};

static void add(struct arguments *arguments, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void add(struct arguments *arguments, const char *format, ...)
{
    char text[ARGUMENT_LEN];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (arguments->count < ARGUMENTS_MAX - 1 && (arguments->at[arguments->count] = strdup(text)))
        arguments->count++;
}

static void say(const struct eal_settings *settings, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void say(const struct eal_settings *settings, const char *format, ...)
{
    char line[LOG_LINE_LEN];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    settings->log(line);
}

static unsigned long read_number(const char *folder, const char *file)
{
    char path[320];
    unsigned long number = 0;
    snprintf(path, sizeof path, HUGEPAGES "/%s/%s", folder, file);
    FILE *in = fopen(path, "re");
    if (in == NULL)
        return 0;
    if (fscanf(in, "%lu", &number) != 1)
        number = 0;
    fclose(in);
    return number;
}

/** MiB of huge pages that nobody has yet, those the kernel makes on demand included. */
static unsigned long free_huge_mb(void)
{
    unsigned long mb = 0, page_kb;
    DIR *folder = opendir(HUGEPAGES);
    if (folder == NULL)
        return 0;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (sscanf(entry->d_name, "hugepages-%lukB", &page_kb) != 1)
            continue;
        const char *name = entry->d_name;
        unsigned long pages = read_number(name, "free_hugepages"),
                      taken = read_number(name, "resv_hugepages"),
                      more = read_number(name, "nr_overcommit_hugepages"),
                      made = read_number(name, "surplus_hugepages");
        pages = (pages > taken ? pages - taken : 0) + (more > made ? more - made : 0);
        mb += pages * page_kb / 1024;
    }
    closedir(folder);
    return mb;
}

static bool is_pci(const char *device)
{
    unsigned domain, bus, number, function;
    int end = 0;
    if (sscanf(device, "%x:%x:%x.%x%n", &domain, &bus, &number, &function, &end) == 4)
        return device[end] == '\0' || device[end] == ',';
    return sscanf(device, "%x:%x.%x%n", &bus, &number, &function, &end) == 3 &&
           (device[end] == '\0' || device[end] == ',');
}

/** Only the PCI devices that were configured are looked at. */
static void add_devices(struct arguments *arguments, const struct eal_settings *settings)
{
    bool any = false;
    for (unsigned i = 0; i < settings->device_count; i++) {
        if (!is_pci(settings->devices[i]))
            continue;
        add(arguments, "-a");
        add(arguments, "%s", settings->devices[i]);
        any = true;
    }
    if (any)
        return;
    add(arguments, "--no-pci");
    add(arguments, "--iova-mode=va");
}

static void add_memory(struct arguments *arguments, const struct eal_settings *settings)
{
    const unsigned wanted = settings->memory_mb;
    unsigned long have = free_huge_mb();
    add(arguments, "-m");
    add(arguments, "%u", wanted);
    if (have >= wanted) {
        add(arguments, "--in-memory");
        return;
    }
    say(settings,
        "huge pages: %lu MiB are free of the %u MiB that %s asks for; runs on ordinary pages, "
        "which is slower (`sysctl vm.nr_hugepages=%u` makes as many, where nobody else takes any)",
        have, wanted, settings->memory_option, (wanted + 1) / 2);
    add(arguments, "--no-huge");
    add(arguments, "--no-shconf");
    add(arguments, "--file-prefix=%s-%d", settings->program, (int)getpid());
}

/** Too few cores are a thing to know; for who never gives his away more than for others. */
static void warn_of_sharing(const struct eal_settings *settings, int count)
{
    const int wanted = (int)settings->cores;
    if (count < wanted)
        say(settings, "cores: %d for %d %s; they share%s%s%s", count, wanted, settings->what,
            settings->spins ? ", which " : "", settings->spins ? settings->yield_option : "",
            settings->spins ? " is meant for" : "");
    else if (count == wanted && settings->spins)
        say(settings, "cores: %d for %d %s; all else shares theirs, which %s is meant for", count,
            wanted, settings->what, settings->yield_option);
}

/** Each lcore on a core of its own while there are enough; what is left is for the rest. */
static void add_cores(struct arguments *arguments, const struct eal_settings *settings)
{
    cpu_set_t allowed;
    int cores[CPU_SETSIZE], count = 0;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0)
        CPU_ZERO(&allowed);
    for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &allowed))
            cores[count++] = (int)cpu;
    if (count == 0)
        cores[count++] = 0;
    warn_of_sharing(settings, count);
    const int wanted = (int)settings->cores, spare = count > wanted ? count - wanted : 0;
    char text[ARGUMENT_LEN] = "--lcores=0@(";
    size_t len = strlen(text);
    for (int i = 0; i < (spare > 0 ? spare : count) && len < sizeof text - 16; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%d", i > 0 ? "," : "", cores[i]);
    len += (size_t)snprintf(text + len, sizeof text - len, ")");
    for (int core = 0; core < wanted && len < sizeof text - 16; core++)
        len += (size_t)snprintf(text + len, sizeof text - len, ",%d@%d", core + 1,
                                cores[(spare + core) % count]);
    add(arguments, "%s", text);
    add(arguments, "--main-lcore=0");
}

int eal_start(const struct eal_settings *settings, char *reason)
{
    struct arguments arguments = {.count = 0};
    add(&arguments, "%s", settings->program);
    add_cores(&arguments, settings);
    add_memory(&arguments, settings);
    add_devices(&arguments, settings);
    add(&arguments, "--no-telemetry");
    add(&arguments, "--log-level=*:error");
    for (unsigned i = 0; i < settings->argument_count; i++)
        add(&arguments, "%s", settings->arguments[i]);
    /* EAL keeps pointers into the vector: it lives as long as the process. */
    if (rte_eal_init(arguments.count, arguments.at) >= 0)
        return 0;
    /* Once a process: what is tried in its stead is another start. */
    snprintf(reason, EAL_REASON_LEN, "DPDK can't start: %s; see its message above%s",
             rte_strerror(rte_errno),
             rte_errno == ENOMEM
                 ? ", and start again where another program has just taken huge pages"
                 : "");
    return -EIO;
}

static int leave_out(const struct rte_memseg_list *list, void *arg)
{
    (void)arg;
    sl_dump_leave_out(list->base_va, list->len);
    return 0;
}

void eal_leave_out_of_dumps(void)
{
    rte_memseg_list_walk(leave_out, NULL);
}
