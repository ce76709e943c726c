#include "dtls_peer.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <utility>

#include <openssl/err.h>

namespace sl_test
{
namespace
{

int bio_read(BIO *bio, char *out, int len)
{
    BIO_clear_retry_flags(bio);
    int got = ((DtlsPeer *)BIO_get_data(bio))->read((uint8_t *)out, len);
    if (got < 0)
        BIO_set_retry_read(bio);
    return got;
}

int bio_write(BIO *bio, const char *bytes, int len)
{
    BIO_clear_retry_flags(bio);
    ((DtlsPeer *)BIO_get_data(bio))->write((const uint8_t *)bytes, (size_t)len);
    return len;
}

long bio_ctrl(BIO *, int command, long, void *)
{
    return command == BIO_CTRL_FLUSH || command == BIO_CTRL_DGRAM_SET_NEXT_TIMEOUT;
}

BIO_METHOD *make_bio_method()
{
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "peer");
    BIO_meth_set_read(method, bio_read);
    BIO_meth_set_write(method, bio_write);
    BIO_meth_set_ctrl(method, bio_ctrl);
    return method;
}

} // namespace

void must(long ok, const char *what)
{
    if (ok <= 0)
        throw std::runtime_error(std::string(what) + ": " +
                                 ERR_error_string(ERR_peek_last_error(), nullptr));
}

void DtlsPeer::make_ssl(SSL_CTX *ctx, unsigned mtu)
{
    static BIO_METHOD *const method = make_bio_method(); /* all peers', to the program's end */
    BIO *bio = BIO_new(method);
    BIO_set_data(bio, this);
    BIO_set_init(bio, 1);
    handle = SSL_new(ctx);
    SSL_set_bio(handle, bio, bio);
    SSL_set_app_data(handle, this);
    SSL_set_mtu(handle, mtu);
}

DtlsPeer::~DtlsPeer()
{
    SSL_free(handle);
}

int DtlsPeer::read(uint8_t *out, int out_len)
{
    if (input.empty())
        return -1;
    size_t len = std::min(input.front().size(), (size_t)out_len);
    memcpy(out, input.front().data(), len);
    input.pop_front();
    return (int)len;
}

void DtlsPeer::write(const uint8_t *bytes, size_t len)
{
    output.push_back(Bytes(bytes, bytes + len));
}

void DtlsPeer::receive(const Bytes &datagram)
{
    feed(datagram);
}

void DtlsPeer::feed(const Bytes &bytes)
{
    input.push_back(bytes);
    step();
}

void DtlsPeer::step()
{
    ERR_clear_error();
    uint8_t room[16384];
    int result = SSL_is_init_finished(handle) ? 1 : SSL_do_handshake(handle);
    while (result > 0) {
        result = SSL_read(handle, room, sizeof room);
        if (result > 0)
            data.push_back(Bytes(room, room + result));
    }
    int why = SSL_get_error(handle, result);
    closed |= why == SSL_ERROR_ZERO_RETURN;
    if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_ZERO_RETURN && !failed) {
        failed = true;
        failure = ERR_error_string(ERR_peek_error(), nullptr);
    }
}

void DtlsPeer::go_on()
{
    if (failed)
        return;
    if (timeout_ns())
        DTLSv1_handle_timeout(handle);
    step();
}

std::optional<uint64_t> DtlsPeer::timeout_ns() const
{
    struct timeval left;
    if (failed || DTLSv1_get_timeout(handle, &left) != 1)
        return std::nullopt;
    return (uint64_t)left.tv_sec * 1000000000 + (uint64_t)left.tv_usec * 1000;
}

std::vector<Bytes> DtlsPeer::take_output()
{
    return std::exchange(output, {});
}

std::vector<Bytes> DtlsPeer::take_data()
{
    return std::exchange(data, {});
}

bool DtlsPeer::is_connected() const
{
    return !failed && SSL_is_init_finished(handle);
}

void DtlsPeer::send(const Bytes &bytes)
{
    must(SSL_write(handle, bytes.data(), (int)bytes.size()), "SSL_write");
}

} // namespace sl_test
