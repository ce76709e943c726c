/** Files of sessions: refused with FILE:LINE: reason, or sessions that are written as they were
 * read. lib/preload */
#include "fuzz.h"

#include <algorithm>
#include <sys/mman.h>
#include <unistd.h>

extern "C" {
#include "sl_preload.h"
}

using fuzz::Bytes;

namespace
{

const std::string header = "sluice-sessions 1\n";

void check_error(const std::string &path, const std::string &error, const Bytes &text)
{
    FUZZ_CHECK(error.compare(0, path.size() + 1, path + ":") == 0);
    char *end;
    unsigned long line = strtoul(error.c_str() + path.size() + 1, &end, 10);
    FUZZ_CHECK(line >= 1 && line <= text.size() + 1);
    FUZZ_CHECK(strncmp(end, ": ", 2) == 0 && end[2] != '\0');
    for (const char *c = end; *c != '\0'; c++)
        FUZZ_CHECK((unsigned char)*c >= ' ' && *c != 0x7f);
}

void check_limits(const sl_preload_session &session)
{
    FUZZ_CHECK(session.alg < SL_AEAD_ALG_COUNT);
    FUZZ_CHECK(session.cid_len <= SL_PEER_CID_MAX && session.peer_cid_len <= SL_PEER_CID_MAX);
    FUZZ_CHECK(session.tuple.remote_port != 0 && session.tuple.local_port != 0);
    FUZZ_CHECK(sl_ip_is_v4(&session.tuple.remote_ip) == sl_ip_is_v4(&session.tuple.local_ip));
}

/** Written and read once more it is the same. */
void check_again(const std::string &path, const sl_preload_session &session)
{
    char error[512];
    sl_preload_session again;
    FILE *file = sl_preload_create(path.c_str());
    FUZZ_CHECK(file != nullptr && sl_preload_write_session(file, &session) == 0);
    FUZZ_CHECK(fclose(file) == 0);
    sl_preload_reader *reader = sl_preload_open(path.c_str(), error, sizeof error);
    FUZZ_CHECK(reader != nullptr);
    FUZZ_CHECK(sl_preload_read(reader, &again, error, sizeof error) == 1);
    FUZZ_CHECK(memcmp(&again, &session, offsetof(sl_preload_session, client_iv)) == 0);
    FUZZ_CHECK(memcmp(again.client_iv, session.client_iv, sizeof again.client_iv) == 0);
    sl_preload_close(reader);
}

std::string file_path(const char *name)
{
    return "/proc/self/fd/" + std::to_string(memfd_create(name, MFD_CLOEXEC));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const std::string path = file_path("sessions"), other = file_path("again");
    FILE *file = fopen(path.c_str(), "w");
    FUZZ_CHECK(file != nullptr && (size == 0 || fwrite(data, size, 1, file) == 1));
    FUZZ_CHECK(fclose(file) == 0);
    const Bytes text(data, data + size);
    char error[512] = "";
    sl_preload_reader *reader = sl_preload_open(path.c_str(), error, sizeof error);
    if (reader == nullptr) {
        check_error(path, error, text);
        return 0;
    }
    sl_preload_session session;
    memset(&session, 0, sizeof session);
    int result;
    unsigned count = 0;
    while ((result = sl_preload_read(reader, &session, error, sizeof error)) == 1) {
        check_limits(session);
        check_again(other, session);
        FUZZ_CHECK(sl_preload_line(reader) == ++count + 1);
    }
    FUZZ_CHECK(count <= (size_t)std::count(text.begin(), text.end(), '\n'));
    if (result != 0)
        check_error(path, error, text);
    sl_preload_close(reader);
    return 0;
}

std::vector<Bytes> fuzz::seeds()
{
    const std::string key16(32, '5'), key32(64, 'a');
    const std::string first =
        "cid=00a00003d1c2b3a4 peer_cid=- suite=aes-128-gcm client_key=" + key16 +
        " client_iv=a0a1a2a3 client=198.18.0.2:20000 server=198.18.0.1:4433";
    const std::string second =
        "server=[2001:db8::1]:4433 client=[2001:db8::2]:65535 client_key=" + key32 +
        " client_iv=000102030405060708090a0b "
        "suite=chacha20-poly1305 peer_cid=0b cid=-";
    const std::string third = "cid=- peer_cid=" + key32 + " suite=aes-256-gcm client_key=" + key32 +
                              " client_iv=ffffffff client=198.18.0.2:1 server=198.18.0.1:4433";
    std::vector<Bytes> seeds;
    for (const std::string &text :
         {header + first + "\n", header + second + "\n" + third + "\n", header,
          header + first + "\n" + second + "\n" + third.substr(0, 80)})
        seeds.push_back(of_text(text));
    return seeds;
}
