/** A plan made into what the engine wants. */
#ifndef LOAD_SETTINGS_H
#define LOAD_SETTINGS_H

#include "plan.h"

#define SETTINGS_REASON_LEN SL_CREDENTIALS_REASON_LEN

struct settings {
    const struct plan *plan; /* borrowed */
    struct sl_load_scenario scenario;
    struct sl_client_credentials *credentials; /* owned */
    struct sl_client_config client;
    struct sl_handshaker_config handshaker; /* of one engine; without its rings */
};

/** Looks the server up, reads certificates and keys. reason [SETTINGS_REASON_LEN]: a sentence.
 * return whether it could; settings_wipe either way. */
bool settings_make(struct settings *settings, const struct plan *plan, char *reason) SL_MUST_USE;
void settings_wipe(struct settings *settings);

/** So many of the sources as are of use, spread over all addresses. Exposed for its test. */
struct sl_load_sources settings_choose_sources(const struct plan *plan);

#endif
