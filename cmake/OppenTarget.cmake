# How every target of the project is compiled: one place for warnings, sanitizers and the include root.
# A header is included by its path from the repository's root: #include "schemas/error.hpp".

option(OPPEN_FUZZ "Build the fuzz targets; needs clang" OFF)
set(OPPEN_SANITIZE "" CACHE STRING "Sanitizers to build with: address,undefined or thread")

add_library(oppen_compile_options INTERFACE)
target_include_directories(oppen_compile_options INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(oppen_compile_options INTERFACE
  -Wall -Wextra -Wpedantic -Werror -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Woverloaded-virtual
  -Wconversion -Wsign-conversion -Wimplicit-fallthrough -Wformat=2 -fstack-protector-strong
  # GCC 12 warns falsely about "text" + std::string when it optimises.
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)
if(CMAKE_BUILD_TYPE MATCHES "Rel")
  target_compile_definitions(oppen_compile_options INTERFACE _FORTIFY_SOURCE=2)
endif()
if(OPPEN_SANITIZE)
  # -g1: a report needs lines and no variables, and such a build takes less time.
  target_compile_options(oppen_compile_options INTERFACE
    -fsanitize=${OPPEN_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -g1)
  target_link_options(oppen_compile_options INTERFACE -fsanitize=${OPPEN_SANITIZE})
endif()

if(CMAKE_UNITY_BUILD)
  # GCC takes a source file within another for a header, of which alone this warning is meant.
  target_compile_options(oppen_compile_options INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
endif()

if(OPPEN_FUZZ)
  target_compile_options(oppen_compile_options INTERFACE -fsanitize=fuzzer-no-link)
endif()

# oppen_library(NAME SOURCES ... LINKS ...): a static library named as its folder.
function(oppen_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINKS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  # Not for programs outside of the project that link an installed library.
  target_link_libraries(${name} PUBLIC $<BUILD_INTERFACE:oppen_compile_options> ${ARG_LINKS})
endfunction()

# oppen_lua_header(VARIABLE NAMESPACE): the path of a header, made from the folder's scripts/*.lua, in which each script is a string.
function(oppen_lua_header variable namespace)
  file(GLOB scripts CONFIGURE_DEPENDS scripts/*.lua)
  file(RELATIVE_PATH folder ${PROJECT_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR})
  set(header ${PROJECT_BINARY_DIR}/generated/${folder}/lua_scripts.hpp)
  add_custom_command(
    OUTPUT ${header}
    COMMAND ${CMAKE_COMMAND} -DFOLDER=${CMAKE_CURRENT_SOURCE_DIR}/scripts -DNAMESPACE=${namespace} -DOUTPUT=${header}
            -P ${PROJECT_SOURCE_DIR}/cmake/EmbedLua.cmake
    DEPENDS ${scripts} ${PROJECT_SOURCE_DIR}/cmake/EmbedLua.cmake)
  set(${variable} ${header} PARENT_SCOPE)
endfunction()

# What a user runs; the target `programs` builds these and no tests.
add_custom_target(programs)

# oppen_program(NAME SOURCES ... LINKS ...): a program in build/<preset>/bin.
function(oppen_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINKS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE oppen_compile_options ${ARG_LINKS})
  add_dependencies(programs ${name})
endfunction()

# oppen_test(NAME SOURCES ... LINKS ...): a GoogleTest program, registered with ctest under the label of its kind
# (the first folder below tests/).
function(oppen_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINKS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE oppen_compile_options GTest::gmock GTest::gtest_main ${ARG_LINKS})
  if(NOT OPPEN_SANITIZE)
    target_compile_options(${name} PRIVATE -g1)  # lines are enough for a test, and it compiles sooner
  endif()
  if(OPPEN_SANITIZE STREQUAL "thread")
    target_sources(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests/support/c11_threads.cpp)
  endif()
  file(RELATIVE_PATH kind ${PROJECT_SOURCE_DIR}/tests ${CMAKE_CURRENT_SOURCE_DIR})
  string(REGEX REPLACE "/.*" "" kind "${kind}")
  set(timeout 300)
  if(OPPEN_SANITIZE)
    set(timeout 1200) # a test of seconds takes minutes then
  endif()
  gtest_discover_tests(${name} PROPERTIES LABELS ${kind} TIMEOUT ${timeout} DISCOVERY_TIMEOUT 60)
endfunction()
