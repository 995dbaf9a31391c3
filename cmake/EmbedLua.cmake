# Writes a header in which each Lua script is a string: cmake -DFOLDER=... -DOUTPUT=... -P EmbedLua.cmake
# lib.lua goes before every other script.
file(READ ${FOLDER}/lib.lua lib)
file(GLOB scripts ${FOLDER}/*.lua)
set(text "#pragma once\n// Made by cmake/EmbedLua.cmake from the .lua files.\nnamespace oppen::queue::lua {\n")
foreach(script IN LISTS scripts)
  get_filename_component(name ${script} NAME_WE)
  if(NOT name STREQUAL "lib")
    file(READ ${script} body)
    string(APPEND text "inline constexpr char ${name}[] = R\"lua(${lib}${body})lua\";\n")
  endif()
endforeach()
string(APPEND text "}  // namespace oppen::queue::lua\n")
file(WRITE ${OUTPUT} "${text}")
