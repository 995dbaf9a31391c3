# The client library for programs outside of this project:
#   cmake --install build/release --component client --prefix DIR
# They find it by find_package(oppen) as oppen::client, or by pkg-config as oppen, and include <producers/client/client.hpp>.
include(CMakePackageConfigHelpers)
set(config_dir lib/cmake/oppen)

foreach(library client schemas)
  set_target_properties(${library} PROPERTIES OUTPUT_NAME oppen-${library})
  target_include_directories(${library} INTERFACE $<INSTALL_INTERFACE:include/oppen>)
endforeach()
target_compile_features(schemas INTERFACE cxx_std_20)
install(TARGETS client schemas EXPORT oppen COMPONENT client ARCHIVE DESTINATION lib)
install(EXPORT oppen COMPONENT client FILE oppenTargets.cmake NAMESPACE oppen:: DESTINATION ${config_dir})

foreach(folder schemas producers/client)
  file(GLOB headers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${folder}/*.hpp)
  list(FILTER headers EXCLUDE REGEX kafka_handle.hpp) # librdkafka's types stay inside
  install(FILES ${headers} COMPONENT client DESTINATION include/oppen/${folder})
endforeach()

configure_package_config_file(cmake/oppenConfig.cmake.in ${PROJECT_BINARY_DIR}/oppenConfig.cmake
  INSTALL_DESTINATION ${config_dir} NO_SET_AND_CHECK_MACRO NO_CHECK_REQUIRED_COMPONENTS_MACRO)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/oppenConfigVersion.cmake COMPATIBILITY SameMinorVersion)
configure_file(cmake/oppen.pc.in ${PROJECT_BINARY_DIR}/oppen.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/oppenConfig.cmake ${PROJECT_BINARY_DIR}/oppenConfigVersion.cmake COMPONENT client
  DESTINATION ${config_dir})
install(FILES ${PROJECT_BINARY_DIR}/oppen.pc COMPONENT client DESTINATION lib/pkgconfig)
