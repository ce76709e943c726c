/**
 * Session tickets by somebody who has the secret that a lab's are sealed under: opened, changed,
 * sealed again; in code of the test's own. The form is libssl's: key name [16], IV [16], the
 * session under AES-256-CBC, HMAC-SHA256 of all that. docs/decisions/session-tickets.md says what
 * the keys are.
 */
#ifndef SL_TEST_TICKET_FORGER_H
#define SL_TEST_TICKET_FORGER_H

#include <memory>

#include <openssl/ssl.h>

#include "dtls_client.h"

namespace sl_test
{

using Session = std::shared_ptr<SSL_SESSION>;

/** Of the first period after the root. */
class TicketForger
{
  public:
    /** root: every byte of LabOptions::ticket_root. */
    explicit TicketForger(uint8_t root = 1);
    /** The session in a ticket, as libssl encodes it. */
    Bytes open(const Bytes &ticket) const;
    Bytes seal(const Bytes &session) const;

  private:
    Bytes derive(const char *label, size_t len) const;

    const Bytes secret;
    const Bytes name, cipher, mac;
};

Bytes encode(const Session &session);
/** NULL: libssl knows no such session. */
Session decode(const Bytes &bytes);
/** The gateway's data in a session that came out of a ticket; and the same with other data. */
Bytes data_of(const Session &session);
Session with_data(const Session &session, const Bytes &data);
/** A client's session with another ticket. */
Session with_ticket(const Session &session, const Bytes &ticket);

} // namespace sl_test

#endif
