// Who is due first: a binary heap of peers or rooms by their deadline, so that a turn of a loop
// costs no look at every one of them. Thread: the owner's.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "sfu/core/check.h"
#include "sfu/core/time.h"

namespace fovea {

// T has `Instant due`, which only the queue writes once T is in it, and `std::size_t due_place`,
// which is the queue's own.
//
// Invariants:
//  (1) No entry is due before its parent, which stands at (place - 1) / 2.
//  (2) heap_[item.due_place] is item. Items are borrowed: each is removed before it goes away.
// Set is O(log n), and O(1) where nothing changes; allocates only in Add.
template <class T>
class DueQueue {
 public:
  void Add(T& item) {
    item.due_place = heap_.size();
    heap_.push_back(&item);
    Up(item.due_place);
  }
  void Remove(T& item) {
    const std::size_t place = item.due_place;
    FOVEA_CHECK(place < heap_.size() && heap_[place] == &item);
    Put(place, *heap_.back());
    heap_.pop_back();
    if (place < heap_.size()) Down(Up(place));
  }
  void Set(T& item, Instant due) {
    if (due == item.due) return;
    item.due = due;
    Down(Up(item.due_place));
  }
  // Not later than `due`.
  void Lower(T& item, Instant due) {
    if (due < item.due) Set(item, due);
  }
  [[nodiscard]] Instant soonest() const { return heap_.empty() ? kNever : heap_.front()->due; }

  // Appends all that are due at `now`. O(their number).
  void Collect(Instant now, std::vector<T*>& out) const { Collect(0, now, out); }

  [[nodiscard]] bool IsConsistent() const {
    for (std::size_t place = 0; place < heap_.size(); ++place) {
      if (heap_[place]->due_place != place) return false;
      if (place > 0 && heap_[place]->due < heap_[(place - 1) / 2]->due) return false;
    }
    return true;
  }

 private:
  void Put(std::size_t place, T& item) {
    heap_[place] = &item;
    item.due_place = place;
  }
  std::size_t Up(std::size_t place) {
    T& item = *heap_[place];
    while (place > 0 && item.due < heap_[(place - 1) / 2]->due) {
      Put(place, *heap_[(place - 1) / 2]);
      place = (place - 1) / 2;
    }
    Put(place, item);
    return place;
  }
  void Down(std::size_t place) {
    T& item = *heap_[place];
    for (;;) {
      std::size_t child = 2 * place + 1;
      if (child >= heap_.size()) break;
      if (child + 1 < heap_.size() && heap_[child + 1]->due < heap_[child]->due) ++child;
      if (item.due <= heap_[child]->due) break;
      Put(place, *heap_[child]);
      place = child;
    }
    Put(place, item);
  }
  // No deeper than the heap: 13 levels of 4096 peers.
  void Collect(std::size_t place, Instant now, std::vector<T*>& out) const {
    if (place >= heap_.size() || now < heap_[place]->due) return;
    out.push_back(heap_[place]);
    Collect(2 * place + 1, now, out);
    Collect(2 * place + 2, now, out);
  }

  std::vector<T*> heap_;
};

}  // namespace fovea
