/* The records of tests/vectors/rfc9146, made by other code and read by tshark, with our code. */
extern "C" {
#include "sl_record.h"
}

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

namespace
{

using Bytes = std::vector<uint8_t>;

struct AeadDeleter {
    void operator()(sl_aead *aead) const
    {
        sl_aead_destroy(aead);
    }
};

struct Record {
    bool from_client;
    uint64_t seq;
    uint8_t type;
    unsigned padding;
    Bytes plain, bytes;
};

struct Session {
    sl_aead_alg alg;
    sl_prf_hash hash;
    Bytes client_random, server_random, master, client_cid, server_cid;
    std::vector<Record> records;
};

Bytes take_hex(std::istream &line)
{
    std::string text;
    line >> text;
    Bytes bytes;
    for (size_t i = 0; text != "-" && i < text.size(); i += 2)
        bytes.push_back(static_cast<uint8_t>(std::stoul(text.substr(i, 2), nullptr, 16)));
    return bytes;
}

void set_suite(Session &session, const std::string &suite)
{
    session.alg = suite == "c02b"   ? SL_AEAD_AES_128_GCM
                  : suite == "c02c" ? SL_AEAD_AES_256_GCM
                                    : SL_AEAD_CHACHA20_POLY1305;
    session.hash = suite == "c02c" ? SL_PRF_SHA384 : SL_PRF_SHA256;
}

std::map<std::string, Session> load_sessions()
{
    std::ifstream file(SL_TEST_VECTORS "/rfc9146/records.txt");
    std::map<std::string, Session> sessions;
    for (std::string text; std::getline(file, text);) {
        std::istringstream line(text);
        std::string kind, name, word;
        line >> kind >> name >> word;
        Session &session = sessions[name];
        if (kind == "session") {
            set_suite(session, word);
            for (Bytes *bytes : {&session.client_random, &session.server_random, &session.master,
                                 &session.client_cid, &session.server_cid})
                *bytes = take_hex(line);
            continue;
        }
        Record record;
        unsigned type;
        record.from_client = word == "client";
        line >> record.seq >> type >> record.padding;
        record.type = static_cast<uint8_t>(type);
        record.plain = take_hex(line);
        record.bytes = take_hex(line);
        session.records.push_back(record);
    }
    return sessions;
}

struct Rfc9146 : testing::TestWithParam<sl_crypto_backend> {
    const std::map<std::string, Session> sessions = load_sessions();
    std::unique_ptr<sl_aead, AeadDeleter> aead{sl_aead_create(GetParam())};

    /** The epoch as the client or the server has it; NULL with a CID longer than ours can be. */
    std::unique_ptr<sl_epoch> epoch_of(const Session &session, bool is_client)
    {
        if ((is_client ? session.client_cid : session.server_cid).size() >
            sizeof(sl_epoch::own_cid))
            return nullptr;
        sl_key_material keys;
        EXPECT_EQ(sl_crypto_derive_keys(session.alg, session.hash, session.master.data(),
                                        session.client_random.data(), session.server_random.data(),
                                        &keys),
                  0);
        const Bytes &own_cid = is_client ? session.client_cid : session.server_cid;
        const Bytes &peer_cid = is_client ? session.server_cid : session.client_cid;
        sl_epoch_config config = {};
        config.number = 1;
        config.alg = session.alg;
        config.open_key = is_client ? keys.server_key : keys.client_key;
        config.open_iv = is_client ? keys.server_iv : keys.client_iv;
        config.seal_key = is_client ? keys.client_key : keys.server_key;
        config.seal_iv = is_client ? keys.client_iv : keys.server_iv;
        config.own_cid_negotiated = !session.client_cid.empty() || !session.server_cid.empty();
        config.own_cid = own_cid.data();
        config.own_cid_len = static_cast<uint8_t>(own_cid.size());
        config.peer_cid = peer_cid.data();
        config.peer_cid_len = static_cast<uint8_t>(peer_cid.size());
        std::unique_ptr<sl_epoch> epoch(new sl_epoch);
        sl_epoch_init(epoch.get(), aead.get(), &config);
        return epoch;
    }

    Bytes seal(sl_epoch *epoch, const Record &record)
    {
        /* Padding is the receiver's matter only: we send none. As long as the type of zero stands
         * last, type and zeros before it can be given as payload. */
        Bytes plain = record.plain;
        uint8_t type = record.type;
        if (record.padding > 0) {
            plain.push_back(record.type);
            plain.resize(plain.size() + record.padding - 1);
            type = 0;
        }
        sl_seal_job job = {};
        Bytes bytes(sl_record_sealed_len(epoch, static_cast<uint32_t>(plain.size())));
        epoch->write_next = record.seq;
        job.epoch = epoch;
        job.plain = plain.data();
        job.plain_len = static_cast<uint32_t>(plain.size());
        job.type = type;
        job.record = bytes.data();
        EXPECT_EQ(sl_record_seal_burst(aead.get(), &job, 1), 1u);
        return bytes;
    }
};

INSTANTIATE_TEST_SUITE_P(, Rfc9146, testing::Values(SL_CRYPTO_AUTO, SL_CRYPTO_OPENSSL),
                         [](const auto &info) {
                             return info.param == SL_CRYPTO_OPENSSL ? "Openssl" : "Auto";
                         });

} // namespace

TEST_P(Rfc9146, OpensTheRecordsOfAnotherImplementation)
{
    ASSERT_EQ(sessions.size(), 12u);
    for (const auto &[name, session] : sessions) {
        std::unique_ptr<sl_epoch> ends[2] = {epoch_of(session, false), epoch_of(session, true)};
        for (const Record &record : session.records) {
            SCOPED_TRACE(name + " " + std::to_string(record.seq));
            sl_epoch *receiver = ends[record.from_client ? 0 : 1].get();
            if (receiver == nullptr)
                continue;
            Bytes bytes = record.bytes;
            sl_reader reader = sl_reader_of(bytes.data(), bytes.size());
            sl_open_job job = {};
            ASSERT_EQ(sl_wire_parse_record(&reader, receiver->own_cid_len, &job.header),
                      SL_DROP_NONE);
            job.epoch = receiver;
            job.body = bytes.data() + job.header.header_len;
            sl_replay_init(&receiver->replay); /* the numbers jump back and forth */
            ASSERT_EQ(sl_record_open_burst(aead.get(), &job, 1), 1u) << sl_drop_name(job.drop);
            EXPECT_EQ(job.type, record.type);
            EXPECT_EQ(Bytes(job.plain, job.plain + job.plain_len), record.plain);
        }
    }
}

TEST_P(Rfc9146, SealsToTheSameBytes)
{
    for (const auto &[name, session] : sessions) {
        std::unique_ptr<sl_epoch> ends[2] = {epoch_of(session, false), epoch_of(session, true)};
        for (const Record &record : session.records) {
            SCOPED_TRACE(name + " " + std::to_string(record.seq));
            sl_epoch *sender = ends[record.from_client ? 1 : 0].get();
            if (sender != nullptr) {
                EXPECT_EQ(seal(sender, record), record.bytes);
            }
        }
    }
}
