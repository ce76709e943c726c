/** The machine that a run was made on. */
#ifndef LOAD_MACHINE_H
#define LOAD_MACHINE_H

struct machine {
    char processor[128];
    unsigned cores; /* that this program may use */
    char kernel[128];
    char host[128];
};
void machine_read(struct machine *machine);

#endif
