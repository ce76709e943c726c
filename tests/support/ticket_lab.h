/** What the tests of session tickets begin with. */
#ifndef SL_TEST_TICKET_LAB_H
#define SL_TEST_TICKET_LAB_H

#include "handshake_lab.h"

namespace sl_test
{

constexpr unsigned ticket_lifetime_s = 5000; /* not what libssl has by default */

inline LabOptions with_tickets()
{
    LabOptions options;
    options.ticket_lifetime_s = ticket_lifetime_s;
    return options;
}

/** A client that resumes the session of another, and is that one otherwise. */
inline ClientOptions resuming(DtlsClient &before)
{
    ClientOptions options = before.options();
    options.session = before.session();
    return options;
}

/** Application data goes both ways. */
inline bool echoes(HandshakeLab &lab, unsigned id)
{
    const Bytes hello = {'h', 'e', 'l', 'l', 'o'};
    lab.client(id).send(hello);
    lab.run_for(50);
    lab.worker_of(id).send_data(id, hello);
    lab.run_for(50);
    return lab.peer(id).data == std::vector<Bytes>{hello} &&
           lab.client(id).take_data() == std::vector<Bytes>{hello};
}

} // namespace sl_test

#endif
