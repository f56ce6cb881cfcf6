// SPDX-License-Identifier: Apache-2.0
// The folder in which the studio keeps what lasts: database, pictures, token.
#pragma once

#include <filesystem>
#include <string>

namespace zc {

// `wanted`, or $XDG_DATA_HOME/zeroconv, or ~/.local/share/zeroconv; made, for its owner alone, when
// it is not there. Throws io, and bad_request when there is no home.
std::filesystem::path data_folder(const std::filesystem::path& wanted);

// `wanted`, or sqlite in the folder.
std::string store_url(const std::string& wanted, const std::filesystem::path& data);

// The owner's secret in the folder's file `token`; made when it is not there. Only the owner of the
// folder can read it. Throws io, bad_file for one that is no token.
std::string kept_token(const std::filesystem::path& data);

}  // namespace zc
