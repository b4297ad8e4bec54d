// IntrusiveList: a queue whose links live in its members.
//
// Ownership the list owns nothing; a member must leave it before it dies (~ListLink checks).
// Lock      the caller's. Every operation is O(1).
// Rules     A type derives from ListLink<Tag> once for each kind of list it can be in.
#pragma once

#include <cstddef>

#include "base/check.hpp"

namespace kyu {

struct DefaultTag;

template <typename T, typename Tag>
class IntrusiveList;

template <typename Tag = DefaultTag>
class ListLink {
    template <typename, typename>
    friend class IntrusiveList;
    ListLink* next_{nullptr};
    ListLink* prev_{nullptr};

public:
    ListLink() = default;
    ListLink(const ListLink&) = delete;
    ListLink& operator=(const ListLink&) = delete;
    ~ListLink() { CHECK(!linked()); }
    [[nodiscard]] bool linked() const { return next_ != nullptr; }
};

template <typename T, typename Tag = DefaultTag>
class IntrusiveList {
    using Link = ListLink<Tag>;
    // The sentinel closes the circle, so that no operation has a special case for the ends.
    struct Sentinel : Link {
    } head_;

    static T& to_member(Link& link) { return static_cast<T&>(link); }

    static void insert_between(Link& link, Link& before, Link& after) {
        CHECK(!link.linked());
        link.prev_ = &before;
        link.next_ = &after;
        before.next_ = &link;
        after.prev_ = &link;
    }

public:
    IntrusiveList() { head_.next_ = head_.prev_ = &head_; }
    IntrusiveList(const IntrusiveList&) = delete;
    IntrusiveList& operator=(const IntrusiveList&) = delete;
    ~IntrusiveList() {
        CHECK(empty());
        head_.next_ = head_.prev_ = nullptr;
    }

    [[nodiscard]] bool empty() const { return head_.next_ == &head_; }

    void push_back(T& member) { insert_between(static_cast<Link&>(member), *head_.prev_, head_); }
    void push_front(T& member) { insert_between(static_cast<Link&>(member), head_, *head_.next_); }
    /// Puts `member` in front of `position`, which is in this list.
    void insert_before(T& position, T& member) {
        Link& at = position;
        insert_between(static_cast<Link&>(member), *at.prev_, at);
    }
    static void remove(T& member) {
        Link& link = member;
        CHECK(link.linked());
        link.prev_->next_ = link.next_;
        link.next_->prev_ = link.prev_;
        link.next_ = link.prev_ = nullptr;
    }
    /// The first member, or nullptr.
    [[nodiscard]] T* front() { return empty() ? nullptr : &to_member(*head_.next_); }
    [[nodiscard]] T* back() { return empty() ? nullptr : &to_member(*head_.prev_); }
    T* pop_front() {
        T* member = front();
        if (member != nullptr) remove(*member);
        return member;
    }
    /// The member after `member`, or nullptr at the end.
    [[nodiscard]] T* next(T& member) {
        Link* link = static_cast<Link&>(member).next_;
        return link == &head_ ? nullptr : &to_member(*link);
    }
    /// The member before `member`, or nullptr at the beginning.
    [[nodiscard]] T* previous(T& member) {
        Link* link = static_cast<Link&>(member).prev_;
        return link == &head_ ? nullptr : &to_member(*link);
    }
    /// Whether `member` is in some list of this kind.
    static bool contains_somewhere(const T& member) {
        return static_cast<const Link&>(member).linked();
    }

    /// Walks front to back. Remove the current member only through next() taken beforehand.
    class Iterator {
        IntrusiveList* list_;
        T* at_;

    public:
        Iterator(IntrusiveList* list, T* at) : list_(list), at_(at) {}
        T& operator*() const { return *at_; }
        Iterator& operator++() {
            at_ = list_->next(*at_);
            return *this;
        }
        bool operator==(const Iterator& other) const { return at_ == other.at_; }
    };
    Iterator begin() { return Iterator{this, front()}; }
    Iterator end() { return Iterator{this, nullptr}; }
};

}  // namespace kyu
