/** DPDK in the test process, on ordinary pages, without a device of the machine. */
#ifndef TEST_EAL_H
#define TEST_EAL_H

#include <gtest/gtest.h>

#include <sched.h>
#include <string>
#include <vector>

#include <rte_eal.h>

namespace test
{

/** The main thread and two that a runtime may launch, all wherever the process may run. Once in the
 * process: EAL can't be started twice. */
inline void start_eal()
{
    static bool started = false;
    if (started)
        return;
    cpu_set_t allowed;
    ASSERT_EQ(0, sched_getaffinity(0, sizeof allowed, &allowed));
    std::string cores;
    for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &allowed))
            cores += (cores.empty() ? "@(" : ",") + std::to_string(cpu);
    cores += ")";
    static std::vector<std::string> words = {"unit_test",
                                             "--no-huge",
                                             "-m",
                                             "256",
                                             "--no-pci",
                                             "--no-shconf",
                                             "--no-telemetry",
                                             "--lcores=0" + cores + ",1" + cores + ",2" + cores,
                                             "--log-level=*:1"};
    static std::vector<char *> arguments;
    for (std::string &word : words)
        arguments.push_back(word.data());
    ASSERT_GE(rte_eal_init((int)arguments.size(), arguments.data()), 0);
    started = true;
}

} // namespace test

#endif
