/** Whom a configuration names: fingerprints, node ids and their prefix; and files of pre-shared
 * keys. Refused with a reason of one line, or taken as they are written. lib/identity */
#include "fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

extern "C" {
#include "sl_identity.h"
}

using fuzz::Bytes;
using fuzz::join;
using fuzz::of_text;

namespace
{

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
    sl_peer_list &list = rules.peers;
    if (how & 2) {
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
    FUZZ_CHECK(sl_trust_asks(trust) && sl_trust_insists(trust));
    FUZZ_CHECK(sl_trust_store(trust) == nullptr && !sl_trust_is_by_authority_alone(trust));
    FUZZ_CHECK(hex_digits(text) >= 32);
    sl_trust_destroy(trust);
}

void check_psks(const Bytes &text)
{
    static const int fd = memfd_create("psks", MFD_CLOEXEC);
    static const std::string path = "/proc/self/fd/" + std::to_string(fd);
    FUZZ_CHECK(ftruncate(fd, 0) == 0 &&
               pwrite(fd, text.data(), text.size(), 0) == (ssize_t)text.size());
    sl_client_files files{};
    files.psk_file = path.c_str();
    char reason[SL_CREDENTIALS_REASON_LEN] = "";
    sl_client_credentials *credentials = sl_client_credentials_load(&files, reason);
    if (credentials == nullptr) {
        check_reason(reason);
        return;
    }
    const unsigned count = sl_client_psk_count(credentials);
    FUZZ_CHECK(count >= 1 && count <= text.size());
    for (unsigned i = 0; i < count; i++) {
        const sl_psk *psk = sl_client_psk(credentials, i);
        const Bytes identity = of_text(psk->identity);
        FUZZ_CHECK(!identity.empty() && identity.size() <= SL_PSK_IDENTITY_MAX);
        FUZZ_CHECK(fuzz::contains(text, identity));
        FUZZ_CHECK(psk->key_len >= 1 && psk->key_len <= SL_PSK_KEY_MAX);
        static volatile uint8_t sum; /* all of it can be read */
        for (size_t k = 0; k < psk->key_len; k++)
            sum = (uint8_t)(sum + psk->key[k]);
    }
    sl_client_credentials_destroy(credentials);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz::Input input(data, size);
    if (input.u8() & 1)
        check_psks(input.rest());
    else
        check_names(input);
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
    for (const std::string &text :
         {std::string("anna:00112233\n# none\n\r\nb:c:0f\r\n"), std::string("anna\n"),
          std::string(":00\n"), std::string("a:0\n"), "a:" + hex32 + hex32 + "00\n",
          "a:" + hex32 + hex32, std::string(129, 'i') + ":00", std::string("#\n"),
          std::string("a:00\0b", 6), std::string("a:00\nb:01\nc:02\nd:03\ne:04\n")})
        seeds.push_back(join({{1}, of_text(text)}));
    return seeds;
}
