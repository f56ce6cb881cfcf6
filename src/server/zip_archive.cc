// SPDX-License-Identifier: Apache-2.0
#include "server/zip_archive.h"

#include <locale.h>
#include <clocale>

#include <algorithm>
#include <array>
#include <ctime>
#include <set>
#include <utility>

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "server/problem.h"

namespace zc {
namespace {

constexpr size_t kPieceBytes = 256 << 10;
constexpr size_t kLongestPart = 255;
constexpr int kDeepest = 8;

// libarchive converts names to the thread's character set, which is ASCII unless someone says
// otherwise.
class Utf8Names {
 public:
  Utf8Names() : utf8_(::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)) {
    if (utf8_ != nullptr) before_ = ::uselocale(utf8_);
  }
  ~Utf8Names() {
    if (utf8_ == nullptr) return;
    ::uselocale(before_);
    ::freelocale(utf8_);
  }
  Utf8Names(const Utf8Names&) = delete;
  Utf8Names& operator=(const Utf8Names&) = delete;

 private:
  locale_t utf8_;
  locale_t before_ = nullptr;
};

struct CloseReader {
  void operator()(archive* reader) const { archive_read_free(reader); }
};
struct CloseEntry {
  void operator()(archive_entry* entry) const { archive_entry_free(entry); }
};

bool is_plain_name(std::string_view name) {
  if (name.empty() || name.front() == '/' || !is_utf8(name)) return false;
  if (name.size() > 1 && name[1] == ':') return false;  // a drive
  for (const char c : name) {
    if (c == '\\' || static_cast<unsigned char>(c) < 0x20 || c == 0x7F) return false;
  }
  int depth = 0;
  for (const std::string& part : split(name, '/')) {
    if (part == ".." || part == "." || part.size() > kLongestPart || ++depth > kDeepest)
      return false;
  }
  return true;
}

class ZipReader {
 public:
  ZipReader(std::span<const uint8_t> bytes, std::string where, const ZipLimits& limits)
      : where_(std::move(where)), limits_(limits), reader_(archive_read_new()) {
    // No other format and no filter: what looks like another archive is refused, not tried.
    archive_read_support_format_zip(reader_.get());
    check(archive_read_open_memory(reader_.get(), bytes.data(), bytes.size()));
  }

  // False after the last one.
  bool next() {
    const int result = archive_read_next_header(reader_.get(), &entry_);
    if (result == ARCHIVE_EOF) return false;
    check(result);
    if (++entries_ > limits_.entries)
      too_large(fmt::format("holds more than {} files", limits_.entries));
    const char* name = archive_entry_pathname(entry_);
    name_ = name == nullptr ? "" : name;
    const auto type = archive_entry_filetype(entry_);
    if (archive_entry_is_encrypted(entry_) != 0) refuse("is encrypted");
    if (type != AE_IFREG && type != AE_IFDIR) refuse("is a link or no plain file");
    std::string_view plain = name_;
    if (type == AE_IFDIR && plain.ends_with('/')) plain.remove_suffix(1);
    if (!is_plain_name(plain)) refuse("is no name inside a folder");
    return true;
  }
  bool is_folder() const {
    return archive_entry_filetype(entry_) == AE_IFDIR || name_.ends_with('/');
  }
  const std::string& name() const { return name_; }

  // What is unpacked counts, not what the archive says of itself.
  std::string contents() {
    std::string all;
    std::string piece(kPieceBytes, '\0');
    for (;;) {
      const la_ssize_t size = archive_read_data(reader_.get(), piece.data(), piece.size());
      if (size == 0) return all;
      if (size < 0) refuse("is damaged");
      all.append(piece, 0, static_cast<size_t>(size));
      bytes_ += size;
      if (static_cast<int64_t>(all.size()) > limits_.entry_bytes) {
        too_large(fmt::format("holds `{}`, which is larger than {}", printable(name_),
                              human_bytes(static_cast<uint64_t>(limits_.entry_bytes))));
      }
      if (bytes_ > limits_.bytes) {
        too_large(fmt::format("is larger than {} when it is unpacked",
                              human_bytes(static_cast<uint64_t>(limits_.bytes))));
      }
    }
  }

 private:
  void check(int result) const {
    if (result == ARCHIVE_OK) return;
    const char* reason = archive_error_string(reader_.get());
    throw Error(ErrorKind::bad_file, where_,
                fmt::format("is no zip archive that can be read: {}",
                            printable(reason == nullptr ? "damaged" : reason, 120)));
  }
  [[noreturn]] void refuse(const char* text) const {
    throw Error(ErrorKind::bad_file, where_,
                fmt::format("its entry `{}` {}", printable(name_, 120), text));
  }
  [[noreturn]] void too_large(std::string text) const {
    throw ProblemError(413, "archive_too_large", "the archive " + std::move(text), where_);
  }

  std::string where_;
  ZipLimits limits_;
  std::unique_ptr<archive, CloseReader> reader_;
  archive_entry* entry_ = nullptr;  // the reader's
  std::string name_;
  int64_t entries_ = 0;
  int64_t bytes_ = 0;
};

}  // namespace

void read_zip(std::span<const uint8_t> bytes, const std::string& where, const ZipLimits& limits,
              const std::function<bool(const std::string&)>& wanted,
              const std::function<void(const std::string&, std::string)>& take) {
  const Utf8Names names;
  constexpr std::array<uint8_t, 2> kMagic = {'P', 'K'};
  if (bytes.size() < 22 || !std::equal(kMagic.begin(), kMagic.end(), bytes.begin()))
    throw Error(ErrorKind::bad_file, where, "is no zip archive");
  ZipReader reader(bytes, where, limits);
  std::set<std::string> known;
  while (reader.next()) {
    if (reader.is_folder()) continue;
    if (!known.insert(reader.name()).second) {
      throw Error(ErrorKind::bad_file, where,
                  fmt::format("holds `{}` twice", printable(reader.name(), 120)));
    }
    if (wanted(reader.name())) take(reader.name(), reader.contents());
  }
}

struct ZipWriter::Impl {
  Impl() = default;
  ~Impl() { archive_write_free(writer); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  std::function<bool(std::string)> sink;
  archive* writer = archive_write_new();
  bool wanted = true;

  static la_ssize_t write(archive*, void* self, const void* bytes, size_t size) {
    auto* impl = static_cast<Impl*>(self);
    impl->wanted = impl->wanted && impl->sink(std::string(static_cast<const char*>(bytes), size));
    return impl->wanted ? static_cast<la_ssize_t>(size) : -1;
  }
};

ZipWriter::ZipWriter(std::function<bool(std::string)> sink) : impl_(std::make_unique<Impl>()) {
  impl_->sink = std::move(sink);
  archive_write_set_format_zip(impl_->writer);
  archive_write_zip_set_compression_store(impl_->writer);
  archive_write_set_bytes_in_last_block(impl_->writer, 1);  // no padding
  archive_write_open(impl_->writer, impl_.get(), nullptr, &Impl::write, nullptr);
}

ZipWriter::~ZipWriter() {
  // What was not finished stays so: the library would write its end now.
  impl_->wanted = false;
}

bool ZipWriter::add(const std::string& name, std::string_view bytes, int64_t changed_ms) {
  const Utf8Names names;
  const std::unique_ptr<archive_entry, CloseEntry> entry(archive_entry_new());
  archive_entry_set_pathname_utf8(entry.get(), name.c_str());
  archive_entry_set_filetype(entry.get(), AE_IFREG);
  archive_entry_set_perm(entry.get(), 0644);
  archive_entry_set_size(entry.get(), static_cast<la_int64_t>(bytes.size()));
  archive_entry_set_mtime(entry.get(), static_cast<time_t>(changed_ms / 1000), 0);
  archive_write_header(impl_->writer, entry.get());
  archive_write_data(impl_->writer, bytes.data(), bytes.size());
  return impl_->wanted;
}

bool ZipWriter::finish() {
  archive_write_close(impl_->writer);
  return std::exchange(impl_->wanted, false);
}

}  // namespace zc
