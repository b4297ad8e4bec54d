#include "port/host/schedule.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <utility>

namespace kyu::host {
namespace {

constexpr std::string_view kLetters = "snptwa";  // in the order of ChoiceKind

/// splitmix64: every seed gives a full period, including zero.
class SplitMix {
    std::uint64_t state_;

public:
    explicit SplitMix(std::uint64_t seed) : state_(seed) {}
    std::uint64_t next() {
        state_ += 0x9E37'79B9'7F4A'7C15U;
        std::uint64_t z = state_;
        z = (z ^ (z >> 30U)) * 0xBF58'476D'1CE4'E5B9U;
        z = (z ^ (z >> 27U)) * 0x94D0'49BB'1331'11EBU;
        return z ^ (z >> 31U);
    }
    /// 0 to `n` - 1; the bias of a remainder is far below what a test can see.
    std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(next() % n); }
    bool once_in(std::uint32_t n) { return n != 0 && below(n) == 0; }
};

std::uint32_t rate_of(const ChoiceRates& rates, ChoiceKind kind) {
    switch (kind) {
        case ChoiceKind::point: return rates.point;
        case ChoiceKind::turn: return rates.turn;
        case ChoiceKind::preempt: return rates.preempt;
        case ChoiceKind::time: return rates.time;
        case ChoiceKind::spurious: return rates.spurious;
        case ChoiceKind::allocation: return rates.allocation;
    }
    return 0;
}

/// A choice that does not depend on which threads there are.
unsigned draw(SplitMix& random, const ChoiceRates& rates, const ChoicePoint& point) {
    if (point.options < 2 || !random.once_in(rate_of(rates, point.kind))) return 0;
    unsigned most = point.options - 1;
    if (point.kind == ChoiceKind::time) most = std::clamp(rates.time_max, 1U, most);
    return 1 + random.below(most);
}

}  // namespace

class Chooser {
public:
    Chooser() = default;
    virtual ~Chooser() = default;
    Chooser(const Chooser&) = delete;
    Chooser& operator=(const Chooser&) = delete;
    /// `at`: which choice of the run this is.
    virtual unsigned choose(std::uint32_t at, const ChoicePoint& point, unsigned host) = 0;
    [[nodiscard]] virtual std::uint32_t diverged() const { return 0; }
};

namespace {

class RandomChooser final : public Chooser {
    SplitMix random_;
    ChoiceRates rates_;

public:
    RandomChooser(std::uint64_t seed, const ChoiceRates& rates) : random_(seed), rates_(rates) {}
    unsigned choose(std::uint32_t /*at*/, const ChoicePoint& point, unsigned /*host*/) override {
        return draw(random_, rates_, point);
    }
};

class PctChooser final : public Chooser {
    SplitMix random_;
    ChoiceRates rates_;
    std::vector<std::uint32_t> changes_;  // scheduling points at which the running thread falls
    std::map<std::pair<unsigned, unsigned>, std::uint64_t>
        priorities_;  // (host, id) -> more is more
    std::uint32_t points_met_{0};
    std::uint64_t next_low_;

    std::uint64_t& priority(unsigned host, unsigned id) {
        const auto [where, fresh] = priorities_.try_emplace({host, id}, 0);
        if (fresh) where->second = random_.next() | (1ULL << 63U);
        return where->second;
    }
    /// Index of the one that goes first.
    std::size_t first_of(const ChoicePoint& point, unsigned host) {
        std::size_t best = 0;
        for (std::size_t i = 1; i < point.threads.size(); ++i) {
            if (priority(host, point.threads[i]) > priority(host, point.threads[best])) best = i;
        }
        return best;
    }

public:
    PctChooser(std::uint64_t seed, unsigned depth, std::uint32_t points, const ChoiceRates& rates)
        : random_(seed), rates_(rates), next_low_(depth) {
        for (unsigned i = 1; i < depth; ++i) {
            changes_.push_back(random_.below(std::max(points, 1U)));
        }
        std::sort(changes_.begin(), changes_.end());
    }
    unsigned choose(std::uint32_t /*at*/, const ChoicePoint& point, unsigned host) override {
        if (point.threads.empty()) return draw(random_, rates_, point);
        if (point.kind == ChoiceKind::point) {
            const std::uint32_t here = points_met_++;
            if (std::binary_search(changes_.begin(), changes_.end(), here)) {
                priority(host, point.running) = next_low_--;
            }
        }
        const std::size_t best = first_of(point, host);
        if (point.kind == ChoiceKind::turn) return static_cast<unsigned>(best);
        const bool goes = priority(host, point.threads[best]) > priority(host, point.running);
        if (point.kind == ChoiceKind::preempt) return goes ? 0 : 1;
        return goes ? static_cast<unsigned>(best) + 1 : 0;
    }
};

class RoundRobinChooser final : public Chooser {
    std::uint32_t slice_;
    std::uint32_t points_met_{0};

    static std::size_t after(const ChoicePoint& point) {
        std::size_t next = 0;
        const auto distance = [&](std::size_t i) {
            return static_cast<std::uint16_t>(point.threads[i] - point.running - 1);
        };
        for (std::size_t i = 1; i < point.threads.size(); ++i) {
            if (distance(i) < distance(next)) next = i;
        }
        return next;
    }

public:
    explicit RoundRobinChooser(std::uint32_t slice) : slice_(std::max(slice, 1U)) {}
    unsigned choose(std::uint32_t /*at*/, const ChoicePoint& point, unsigned /*host*/) override {
        switch (point.kind) {
            case ChoiceKind::turn: return static_cast<unsigned>(after(point));
            case ChoiceKind::preempt: return 1;
            case ChoiceKind::point:
                return ++points_met_ % slice_ == 0 ? static_cast<unsigned>(after(point)) + 1 : 0;
            default: return 0;
        }
    }
};

class ReplayChooser final : public Chooser {
    std::vector<Deviation> deviations_;
    std::size_t next_{0};
    std::uint32_t diverged_{0};

public:
    explicit ReplayChooser(std::vector<Deviation> deviations) : deviations_(std::move(deviations)) {
        std::stable_sort(deviations_.begin(), deviations_.end(),
                         [](const Deviation& a, const Deviation& b) { return a.at < b.at; });
    }
    unsigned choose(std::uint32_t at, const ChoicePoint& point, unsigned /*host*/) override {
        while (next_ < deviations_.size() && deviations_[next_].at < at) ++next_;
        if (next_ == deviations_.size() || deviations_[next_].at != at) return 0;
        const Deviation& wanted = deviations_[next_];
        if (wanted.kind == point.kind && wanted.value < point.options) return wanted.value;
        ++diverged_;
        return 0;
    }
    [[nodiscard]] std::uint32_t diverged() const override { return diverged_; }
};

}  // namespace

Choices::Choices(std::unique_ptr<Chooser> chooser) : chooser_(std::move(chooser)) {}
Choices::~Choices() = default;
Choices::Choices(Choices&& other) noexcept = default;
Choices& Choices::operator=(Choices&& other) noexcept = default;

Choices Choices::random(std::uint64_t seed, const ChoiceRates& rates) {
    return Choices{std::make_unique<RandomChooser>(seed, rates)};
}

Choices Choices::pct(std::uint64_t seed, unsigned depth, std::uint32_t points,
                     const ChoiceRates& rates) {
    return Choices{std::make_unique<PctChooser>(seed, depth, points, rates)};
}

Choices Choices::round_robin(std::uint32_t slice) {
    return Choices{std::make_unique<RoundRobinChooser>(slice)};
}

Choices Choices::replay(std::vector<Deviation> deviations) {
    return Choices{std::make_unique<ReplayChooser>(std::move(deviations))};
}

unsigned Choices::choose(const ChoicePoint& point, unsigned host) {
    const std::uint32_t at = count_++;
    const unsigned value = chooser_->choose(at, point, host);
    if (value != 0) recorded_.push_back({at, point.kind, static_cast<std::uint16_t>(value)});
    return value;
}

std::uint32_t Choices::diverged() const { return chooser_->diverged(); }

std::string to_text(const std::vector<Deviation>& deviations) {
    std::string text;
    for (const Deviation& d : deviations) {
        if (!text.empty()) text += ' ';
        text += std::to_string(d.at) + ':' + kLetters[static_cast<std::size_t>(d.kind)] +
                std::to_string(d.value);
    }
    return text;
}

std::optional<std::vector<Deviation>> parse_deviations(std::string_view text) {
    std::vector<Deviation> deviations;
    const char* at = text.data();
    const char* const end = at + text.size();
    while (at != end) {
        if (*at == ' ') {
            ++at;
            continue;
        }
        Deviation d;
        auto [colon, error] = std::from_chars(at, end, d.at);
        if (error != std::errc{} || end - colon < 3 || *colon != ':') return std::nullopt;
        const std::size_t kind = kLetters.find(colon[1]);
        if (kind == std::string_view::npos) return std::nullopt;
        d.kind = static_cast<ChoiceKind>(kind);
        auto [after, bad] = std::from_chars(colon + 2, end, d.value);
        if (bad != std::errc{} || (after != end && *after != ' ')) return std::nullopt;
        deviations.push_back(d);
        at = after;
    }
    return deviations;
}

std::vector<Deviation> shrink(std::vector<Deviation> failing,
                              const std::function<bool(const std::vector<Deviation>&)>& fails,
                              unsigned tries) {
    if (tries > 0 && fails({})) return {};
    // Delta debugging: leave out pieces, halving them until they are single deviations.
    std::size_t piece = std::max<std::size_t>(failing.size() / 2, 1);
    while (!failing.empty() && tries > 1) {
        bool shorter = false;
        for (std::size_t at = 0; at < failing.size() && tries > 1;) {
            std::vector<Deviation> rest(failing.begin(),
                                        failing.begin() + static_cast<std::ptrdiff_t>(at));
            const std::size_t after = std::min(at + piece, failing.size());
            rest.insert(rest.end(), failing.begin() + static_cast<std::ptrdiff_t>(after),
                        failing.end());
            --tries;
            if (fails(rest)) {
                failing = std::move(rest);
                shorter = true;
            } else {
                at = after;
            }
        }
        if (piece == 1 && !shorter) break;
        if (!shorter || piece > failing.size()) piece = std::max<std::size_t>(piece / 2, 1);
    }
    return failing;
}

}  // namespace kyu::host
