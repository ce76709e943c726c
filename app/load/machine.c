#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "machine.h"

/** "model name : TEXT" of the first processor. */
static void read_processor(char *out, size_t out_len)
{
    char line[512];
    FILE *file = fopen("/proc/cpuinfo", "re");
    snprintf(out, out_len, "unknown");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || colon == NULL)
            continue;
        colon += 1 + strspn(colon + 1, " \t");
        snprintf(out, out_len, "%.*s", (int)strcspn(colon, "\n"), colon);
        break;
    }
    if (file != NULL)
        fclose(file);
}

void machine_read(struct machine *machine)
{
    struct utsname name;
    cpu_set_t cores;
    memset(machine, 0, sizeof *machine);
    read_processor(machine->processor, sizeof machine->processor);
    if (sched_getaffinity(0, sizeof cores, &cores) == 0)
        machine->cores = (unsigned)CPU_COUNT(&cores);
    if (uname(&name) == 0) {
        snprintf(machine->kernel, sizeof machine->kernel, "%.60s %.60s", name.sysname,
                 name.release);
        snprintf(machine->host, sizeof machine->host, "%s", name.nodename);
    }
}
