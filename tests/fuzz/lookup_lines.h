/** What a lookup program writes, in pieces of any size: its answers are taken as they stand there,
 * in order, every other line is counted, and what it is asked is a line that says so. lib/lookup */
#ifndef LOOKUP_LINES_H
#define LOOKUP_LINES_H

#include "psk_files.h"

#include <fcntl.h>

extern "C" {
#include "sl_lookup.h"
}

namespace fuzz
{

struct Answer {
    uint64_t number;
    Bytes key;
    bool operator==(const Answer &other) const
    {
        return number == other.number && key == other.key;
    }
};

/** `q`, sixteen digits, a space, and a key or a dash. */
inline std::optional<Answer> answer_in(const std::string &line)
{
    if (line.size() < 19 || line[0] != 'q' || line[17] != ' ')
        return std::nullopt;
    const std::optional<Bytes> number = bytes_of_hex(line.substr(1, 16));
    const std::string rest = line.substr(18);
    const std::optional<Bytes> key = rest == "-" ? Bytes() : bytes_of_hex(rest);
    if (!number || !key || key->size() > SL_PSK_KEY_MAX)
        return std::nullopt;
    return Answer{sl_load_be64(number->data()), *key};
}

class Conversation
{
  public:
    Conversation()
    {
        FUZZ_CHECK(pipe2(questions_, O_NONBLOCK) == 0 && pipe2(answers_, O_NONBLOCK) == 0);
        lookup_ = sl_lookup_create(questions_[1], answers_[0]);
        io_ = sl_lookup_of(lookup_);
    }
    ~Conversation()
    {
        sl_lookup_destroy(lookup_);
        for (int end : {questions_[0], questions_[1], answers_[0], answers_[1]})
            close(end);
    }

    void write_piece(const Bytes &piece)
    {
        FUZZ_CHECK(write(answers_[1], piece.data(), piece.size()) == (ssize_t)piece.size());
        said_.append(piece.begin(), piece.end());
    }
    /** One that has more to say is heard again. */
    bool take_one()
    {
        sl_handshake_answer answer;
        memset((void *)&answer, 0xee, sizeof answer);
        if (!io_.next_answer(io_.arg, &answer))
            return false;
        FUZZ_CHECK(answer.key_len <= SL_PSK_KEY_MAX);
        taken_.push_back({answer.number, Bytes(answer.key, answer.key + answer.key_len)});
        return true;
    }
    void ask(uint64_t number, const Bytes &identity, const char *service)
    {
        sl_handshake_question question{};
        question.number = number;
        question.service = service;
        question.identity = identity.data();
        question.identity_len = identity.size();
        FUZZ_CHECK(io_.ask(io_.arg, &question));
        char line[1024];
        const ssize_t len = read(questions_[0], line, sizeof line);
        FUZZ_CHECK(len > 20 && line[len - 1] == '\n');
        const std::string text(line, (size_t)len - 1);
        const size_t space = text.find(' ', 18);
        const std::string hex = text.substr(18, space - 18);
        FUZZ_CHECK(answer_in(text.substr(0, 18) + "-") == (Answer{number, {}}));
        FUZZ_CHECK((hex == "-" ? Bytes() : bytes_of_hex(hex)) == identity);
        FUZZ_CHECK((hex == "-") == identity.empty());
        FUZZ_CHECK(text.substr(space + 1) == std::string(service).substr(0, 64));
    }

    /** When nothing is left to be read. */
    void check()
    {
        for (size_t i = 0; i < said_.size() / 64 + 3; i++) /* so much garbage at once */
            while (take_one())
                continue;
        std::vector<Answer> answers;
        uint64_t garbage = 0;
        for (size_t at = 0, end; (end = said_.find('\n', at)) != std::string::npos; at = end + 1) {
            const std::string line = said_.substr(at, end - at);
            const std::optional<Answer> answer = answer_in(line);
            garbage += !answer && line != " died"; /* a copy's end */
            if (answer)
                answers.push_back(*answer);
        }
        FUZZ_CHECK(taken_ == answers);
        FUZZ_CHECK(sl_lookup_garbage(lookup_) == garbage);
    }

  private:
    int questions_[2], answers_[2];
    sl_lookup *lookup_;
    sl_handshake_lookup io_;
    std::string said_;
    std::vector<Answer> taken_;
};

inline void check_lookup(Input &input)
{
    Conversation conversation;
    static const std::string services[] = {"", "sensors", std::string(80, 's')};
    while (!input.is_empty()) {
        const uint8_t what = input.u8();
        if (what % 4 == 0) {
            conversation.take_one();
        } else if (what % 16 == 1) {
            const Bytes identity = input.bytes(input.u8() % (SL_PSK_IDENTITY_MAX + 1));
            conversation.ask(input.u64(), identity, services[what / 16 % 3].c_str());
        } else {
            conversation.write_piece(input.bytes(what));
        }
    }
    conversation.check();
}

/** The pieces of one who says this. */
inline Bytes in_pieces(const std::string &said, uint8_t len)
{
    Bytes out;
    for (size_t at = 0; at < said.size(); at += len)
        out = join({out, {len}, of_text(said.substr(at, len)), {0}});
    return out;
}

inline std::vector<Bytes> lookup_seeds()
{
    const std::string one = "q00000000000000a7 00112233\n", none = "q00000000000000A8 -\n";
    const std::string long_key = "q0000000000000001 " + std::string(128, '5');
    std::vector<Bytes> seeds;
    for (const std::string &said :
         {one + none + one, long_key + "\n" + long_key + "00\n" + one, "q00000000000000a7 \n" + one,
          "q00000000000000g7 00\nx00000000000000a7 00\nq00000000000000a7-00\n\n" + none,
          one.substr(0, 20) + " died\n" + one + "q00000000000000a7 0g\nq00000000000000a7 g0\n",
          std::string(700, 'x') + "\n" + one + std::string(299, 'y') + one + one,
          std::string(70, '\n') + one})
        for (uint8_t len : {7, 0x16, 0xfe})
            seeds.push_back(in_pieces(said, len));
    const Bytes number = of_be64(0x0123456789abcdef);
    seeds.push_back(join({{1, 4}, of_text("anna"), number, {0x11, 0}, number}));
    seeds.push_back(join({{0x21, 128}, Bytes(128, 0xff), number, {0x11, 1, 0}, number}));
    return seeds;
}

} // namespace fuzz

#endif
