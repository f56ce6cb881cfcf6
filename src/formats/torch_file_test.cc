// SPDX-License-Identifier: Apache-2.0
#include "formats/torch_file.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "base/error_of.h"
#include "base/files.h"
#include "formats/loader_cases.h"
#include "formats/pickle.h"

namespace zc {
namespace {

bool is_torch_file(const std::string& name) {
  return name.ends_with(".pth") || name.ends_with(".ckpt");
}

TEST(TorchFile, ReadsTheGoodFiles) {
  const auto expected = read_expectations(loader_folder() / "good/expected.json");
  for (const auto& [name, entry] : expected.items()) {
    if (!is_torch_file(name)) continue;
    SCOPED_TRACE(name);
    expect_tensors(read_torch_file(loader_folder() / "good" / name), entry.at("tensors"));
  }
}

TEST(TorchFile, TheDirectoryAgreesWithTheTensors) {
  const auto expected = read_expectations(loader_folder() / "good/expected.json");
  for (const auto& [name, entry] : expected.items()) {
    if (!is_torch_file(name)) continue;
    SCOPED_TRACE(name);
    const StateDict state = read_torch_file(loader_folder() / "good" / name);
    const auto directory = read_torch_directory(loader_folder() / "good" / name);
    ASSERT_EQ(directory.size(), state.size());
    for (const TensorInfo& info : directory) {
      EXPECT_EQ(state.at(info.name).sizes().vec(), info.shape);
      EXPECT_EQ(state.at(info.name).scalar_type(), info.dtype);
    }
  }
}

TEST(TorchFile, RefusesTheHostileFiles) {
  const auto expected = read_expectations(loader_folder() / "hostile/expected.json");
  for (const auto& [name, entry] : expected.items()) {
    if (!is_torch_file(name) || entry.at("expect") == "load_and_report") continue;
    SCOPED_TRACE(name);
    try {
      read_torch_file(loader_folder() / "hostile" / name);
      EXPECT_EQ(entry.at("expect"), "accept_or_reject");
    } catch (const Error& error) {
      if (std::getenv("ZC_SHOW_REFUSALS") != nullptr) std::printf("%s\n", error.what());
      EXPECT_EQ(error.kind(), ErrorKind::bad_file);
      EXPECT_NE(error.where().find(name), std::string::npos);
    }
  }
  EXPECT_FALSE(std::filesystem::exists("hostile_marker_created"));
}

TEST(TorchFile, LoadsAFileWhoseWeightsAreNotFinite) {
  EXPECT_FALSE(read_torch_file(loader_folder() / "hostile/nan_weights.pth").empty());
}

TEST(TorchFile, NamesWhatARefusedPickleWantedToDo) {
  EXPECT_NE(error_of([&] { read_torch_file(loader_folder() / "hostile/pickle_os_system.pth"); })
                .text()
                .find("os.system"),
            std::string::npos);
}

// getattr(module.name, text) as Python 3 pickles it.
std::string getattr_pickle(const std::string& module, const std::string& name) {
  const std::string text = "current";
  return "\x80\x02" + std::string("c__builtin__\ngetattr\nc") + module + "\n" + name + "\nX" +
         static_cast<char>(text.size()) + std::string(3, '\0') + text + "\x86R.";
}

TEST(Pickle, TheRecordOfATrainingBesideTheWeightsIsPassedOver) {
  const auto read = [](const std::string& program) {
    return read_pickle({reinterpret_cast<const uint8_t*>(program.data()), program.size()}, "file");
  };
  const std::string known = getattr_pickle("mmengine.logging.history_buffer", "HistoryBuffer");
  EXPECT_EQ(read(known).root.kind, PickleKind::opaque);
  for (const auto& other : {getattr_pickle("os", "path"), getattr_pickle("mmengine", "Config"),
                            getattr_pickle("mmengine.logging.history_buffer", "os")})
    EXPECT_THROW(read(other), Error);
}

TEST(TorchFile, SaysWhatAWrongFileIs) {
  EXPECT_NE(error_of([&] { read_torch_file(loader_folder() / "hostile/html_page.ckpt"); })
                .text()
                .find("HTML page"),
            std::string::npos);
}

TEST(TorchFile, AlignedTensorsAreViewsOfTheFile) {
  const StateDict state = read_torch_file(loader_folder() / "good/views.pth");
  EXPECT_EQ(state.at("whole").const_data_ptr(), state.at("tied").const_data_ptr());
  EXPECT_TRUE(state.at("t").is_contiguous());
}

// Every file of the folder, cut at many places: refused, or read if only the comment of the archive
// is gone.
TEST(TorchFile, EveryPrefixOfAFileIsRefused) {
  const auto path =
      std::filesystem::temp_directory_path() / ("zc_cut_" + std::to_string(::getpid()) + ".pth");
  for (const char* name : {"good/flat.pth", "good/legacy.pth", "good/lightning.ckpt"}) {
    const std::string good = read_file(loader_folder() / name);
    for (size_t size = 0; size < good.size(); size += 7) {
      std::ofstream(path, std::ios::binary) << std::string_view(good).substr(0, size);
      EXPECT_THROW(read_torch_file(path), Error) << name << " cut to " << size;
    }
  }
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace zc
