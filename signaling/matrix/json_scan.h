// Walks over JSON text without building a document: the members of an object or the elements of an
// array, as views. For bodies of which most is to be thrown away. Thread: pure functions.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>

namespace fovea::matrix {

// The text of the value that `text` begins with, white space before it skipped; nothing where it
// has no end. Brackets and strings are matched, what is between them is not judged: whoever needs
// the value parses it.
[[nodiscard]] std::optional<std::string_view> TakeJsonValue(std::string_view text);

// One step of a walk over an object ("key": value) or an array.
class JsonWalk {
 public:
  // `text` is one value, as TakeJsonValue gives it.
  explicit JsonWalk(std::string_view text);

  struct Item {
    std::string_view key;  // without quotes, escapes not resolved; empty in arrays
    std::string_view value;
  };
  // Nothing at the end, and at the first thing that is wrong; failed() tells which.
  [[nodiscard]] std::optional<Item> Next();
  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] bool is_object() const { return is_object_; }

 private:
  std::optional<Item> Fail();
  void SkipSpace();

  std::string_view rest_;
  bool is_object_ = false;
  bool first_ = true;
  bool failed_ = false;
  bool done_ = false;
};

// The member of that name of one object; nothing where it is missing or the text is wrong.
[[nodiscard]] std::optional<std::string_view> JsonMember(std::string_view object,
                                                         std::string_view key);

// The content of a string value without its quotes; nothing for what is no string, or has escapes.
[[nodiscard]] std::optional<std::string_view> PlainString(std::string_view value);

}  // namespace fovea::matrix
