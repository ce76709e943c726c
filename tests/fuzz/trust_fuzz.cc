/** Text that says whom we take: fingerprints, node ids and their prefix; files of pre-shared keys;
 * lists of address prefixes; a lookup program's lines. Refused with a reason of one line, or taken
 * as it is written. lib/identity, lib/admission, lib/lookup */
#include "fuzz.h"

#include "lookup_lines.h"
#include "prefix_lists.h"
#include "psk_files.h"

using fuzz::Bytes;
using fuzz::join;
using fuzz::of_text;

namespace
{

enum Kind : uint8_t { NAMES, PSK_FILE, PREFIXES, LOOKUP };

void check_reason(const char *reason)
{
    FUZZ_CHECK(strlen(reason) > 10 && strlen(reason) < SL_CREDENTIALS_REASON_LEN);
}

/** A text ends where a zero byte is, as those of a configuration do. */
std::string text_of(const Bytes &bytes)
{
    return std::string(bytes.begin(), std::find(bytes.begin(), bytes.end(), 0));
}

unsigned hex_digits(const std::string &text)
{
    return (unsigned)std::count_if(text.begin(), text.end(), [](char c) { return isxdigit(c); });
}

void check_names(fuzz::Input &input)
{
    const uint8_t how = input.u8();
    const std::string prefix = text_of(input.bytes(how & 1 ? input.u8() % 40 : 0));
    const std::string text = text_of(input.rest());
    const char *texts[] = {text.c_str()};
    sl_trust_rules rules{};
    rules.node_id_prefix = how & 1 ? prefix.c_str() : nullptr;
    sl_peer_list &list = how & 4 ? rules.expected : rules.peers;
    rules.anonymous = how & 8;
    rules.crl_file = how & 16 ? "/dev/null" : nullptr; /* without authorities: never */
    if (how & 32) {
        list = {}; /* nobody */
    } else if (how & 2) {
        list.fingerprints = texts;
        list.fingerprint_count = 1;
    } else {
        list.node_ids = texts;
        list.node_id_count = 1;
    }
    sl_trust_fault fault{};
    char reason[SL_CREDENTIALS_REASON_LEN] = "";
    sl_trust *trust = sl_trust_load(&rules, &fault, reason);
    if (trust == nullptr) {
        check_reason(reason);
        FUZZ_CHECK(fault.index == 0);
        return;
    }
    FUZZ_CHECK(!(how & 16) && sl_trust_store(trust) == nullptr);
    FUZZ_CHECK(how & 32 ? rules.anonymous : hex_digits(text) >= 32);
    FUZZ_CHECK(sl_trust_asks(trust) == !(how & 32));
    FUZZ_CHECK(sl_trust_insists(trust) == (!(how & 32) && (how & 4 || !(how & 8))));
    FUZZ_CHECK(sl_trust_has_expected(trust) == (how & 4 && !(how & 32)));
    FUZZ_CHECK(!sl_trust_is_by_authority_alone(trust));
    sl_trust *again = sl_trust_load(&rules, &fault, reason);
    FUZZ_CHECK(memcmp(sl_trust_domain(again), sl_trust_domain(trust), 32) == 0);
    sl_trust_destroy(again);
    sl_trust_destroy(sl_trust_share(trust));
    sl_trust_destroy(trust);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz::Input input(data, size);
    switch (input.u8() % 4) {
    case NAMES:
        check_names(input);
        break;
    case PSK_FILE:
        fuzz::check_psk_file(input.rest());
        break;
    case PREFIXES:
        fuzz::check_prefix_lists(text_of(input.rest()));
        break;
    case LOOKUP:
        fuzz::check_lookup(input);
        break;
    }
    return 0;
}

std::vector<Bytes> fuzz::seeds()
{
    const std::string hex32(64, 'a');
    std::string colons = "AB";
    for (int i = 1; i < 32; i++)
        colons += ":AB";
    std::vector<Bytes> seeds;
    for (const std::string &text :
         {colons, "sha-256 " + colons, "SHA-512 " + colons, "sha-384 " + hex32 + hex32.substr(32),
          hex32 + hex32, "sha-512 " + hex32 + hex32, hex32 + "a", colons + ":", std::string("x"),
          std::string()})
        seeds.push_back(join({{0, 2}, of_text(text)}));
    for (const std::string &text :
         {"sluice-" + hex32, "node-" + hex32, "dpc-node-" + hex32.substr(32), "dpc-node-" + hex32,
          "node-" + hex32.substr(1) + "x", std::string("node-"), hex32})
        seeds.push_back(join({{0, 0}, of_text(text)}));
    for (const std::string &prefix : {std::string("node-"), std::string("a b"),
                                      std::string(39, 'p'), std::string("A_0.-"), std::string()})
        seeds.push_back(join({{0, 1, (uint8_t)prefix.size()}, of_text(prefix + prefix + hex32)}));
    for (uint8_t how : {4, 6, 8, 12, 16, 18, 32, 40})
        seeds.push_back(join({{0, how}, of_text(how & 2 ? hex32 : "node-" + hex32)}));
    for (const std::string &text : psk_file_seeds())
        seeds.push_back(join({{PSK_FILE}, of_text(text)}));
    for (const std::string &text : prefix_list_seeds())
        seeds.push_back(join({{PREFIXES}, of_text(text)}));
    for (const Bytes &said : lookup_seeds())
        seeds.push_back(join({{LOOKUP}, said}));
    return seeds;
}
