# SPDX-License-Identifier: Apache-2.0
# OpenCV core and imgproc as the target zc_opencv: libopencv-imgproc-dev ships no CMake package of its own.
find_path(OPENCV_INCLUDE opencv2/imgproc.hpp PATH_SUFFIXES opencv4 REQUIRED)
find_library(OPENCV_CORE opencv_core REQUIRED)
find_library(OPENCV_IMGPROC opencv_imgproc REQUIRED)
add_library(zc_opencv INTERFACE)
target_include_directories(zc_opencv SYSTEM INTERFACE ${OPENCV_INCLUDE})
target_link_libraries(zc_opencv INTERFACE ${OPENCV_IMGPROC} ${OPENCV_CORE})
