/** Whoever has the pre-shared keys answers as an input says, a byte for each question: at once or
 * late, rightly or wrongly, twice, for another, or never. */
#ifndef WAVERING_LOOKUP_H
#define WAVERING_LOOKUP_H

#include <set>

#include "fuzz.h"
#include "handshake_lab.h"

namespace fuzz
{

class WaveringLookup
{
  public:
    /** identity, key: of who is known. */
    WaveringLookup(Input &input, sl_test::HandshakeLab &lab, Bytes identity, Bytes key)
        : input_(input), lab_(lab), identity_(std::move(identity)), key_(std::move(key))
    {
        lab.after_step = [this] { answer_all(); };
    }
    ~WaveringLookup()
    {
        lab_.after_step = nullptr;
    }
    WaveringLookup(const WaveringLookup &) = delete;
    /** It has told anybody something other than the truth, or not in time. */
    bool has_wavered() const
    {
        return has_wavered_;
    }
    bool has_told(const Bytes &key) const
    {
        return told_.count(key) > 0;
    }

  private:
    static constexpr uint64_t kLate_ns = 4900 * sl_test::ns_per_ms; /* just in time, with luck */

    struct Late {
        uint64_t due_ns, number;
    };

    void answer_all()
    {
        for (const sl_test::Question &question : std::exchange(lab_.questions, {}))
            take(question);
        for (const Late &late : std::exchange(late_, {}))
            if (late.due_ns > sl_test::now_ns())
                late_.push_back(late);
            else
                answer(late.number, key_);
    }

    void answer(uint64_t number, const Bytes &key)
    {
        lab_.answer(number, key);
        told_.insert(key);
    }

    void take(const sl_test::Question &question)
    {
        FUZZ_CHECK(question.number != 0 && numbers_.insert(question.number).second);
        FUZZ_CHECK(question.service == "service 0");
        FUZZ_CHECK(question.identity.size() <= SL_PSK_IDENTITY_MAX);
        const bool is_known = question.identity == identity_;
        const uint8_t what = input_.u8();
        has_wavered_ |= what % 8 > 0;
        switch (what % 8) {
        case 0:
            return answer(question.number, is_known ? key_ : Bytes());
        case 1:
            return answer(question.number, {});
        case 2: /* a key, wrong or of another length */
            return answer(question.number, input_.bytes(what / 8 * 2));
        case 3:
            return answer(question.number + what / 8, key_);
        case 4:
            answer(question.number, is_known ? key_ : Bytes());
            return answer(question.number, Bytes(what / 8, 1));
        case 5:
            return late_.push_back(
                {sl_test::now_ns() + kLate_ns + what / 8 * 20 * sl_test::ns_per_ms,
                 question.number});
        case 6: /* for another before */
            answer(question.number - 1, key_);
            return answer(question.number, is_known ? key_ : Bytes());
        default: /* never */
            return;
        }
    }

    Input &input_;
    sl_test::HandshakeLab &lab_;
    const Bytes identity_, key_;
    std::set<uint64_t> numbers_;
    std::set<Bytes> told_;
    std::vector<Late> late_;
    bool has_wavered_ = false;
};

} // namespace fuzz

#endif
