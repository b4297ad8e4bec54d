# kyu_image(TARGET OUTPUT file.elf SCRIPT link.ld SOURCES … DEPENDS …)
#
# Links an image twice: first with an empty symbol table, then with the table made from the first
# link (ci/symtab.py), and checks that the second link moved no function. The result is
# ${CMAKE_BINARY_DIR}/OUTPUT, and beside it the same as a flat .bin, to be loaded at the address of
# _start by a boot loader that knows no ELF.
function(kyu_image target)
  find_package(Python3 REQUIRED COMPONENTS Interpreter)
  cmake_parse_arguments(arg "" "OUTPUT;SCRIPT" "SOURCES;DEPENDS" ${ARGN})
  set(symtab ${PROJECT_SOURCE_DIR}/ci/symtab.py)
  set(empty ${CMAKE_CURRENT_BINARY_DIR}/${target}_no_symbols.S)
  cmake_path(REPLACE_EXTENSION arg_OUTPUT LAST_ONLY bin OUTPUT_VARIABLE flat)
  set(table ${CMAKE_CURRENT_BINARY_DIR}/${target}_symbols.S)

  add_library(${target}_main OBJECT ${arg_SOURCES})
  target_link_libraries(${target}_main PUBLIC kyu_flags ${arg_DEPENDS})

  add_custom_command(OUTPUT ${empty}
    COMMAND ${Python3_EXECUTABLE} ${symtab} --empty --output ${empty}
    DEPENDS ${symtab} VERBATIM)
  add_executable(${target}_pass1 $<TARGET_OBJECTS:${target}_main> ${empty})

  add_custom_command(OUTPUT ${table}
    COMMAND ${Python3_EXECUTABLE} ${symtab} --nm ${CMAKE_NM}
            --image $<TARGET_FILE:${target}_pass1> --output ${table}
    DEPENDS ${target}_pass1 ${symtab} VERBATIM)
  add_executable(${target} $<TARGET_OBJECTS:${target}_main> ${table})
  set_target_properties(${target} PROPERTIES
    OUTPUT_NAME ${arg_OUTPUT} SUFFIX "" RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
  add_custom_command(TARGET ${target} POST_BUILD
    COMMAND ${Python3_EXECUTABLE} ${symtab} --nm ${CMAKE_NM} --image $<TARGET_FILE:${target}>
            --verify ${table}
    COMMAND ${CMAKE_OBJCOPY} -O binary $<TARGET_FILE:${target}> ${CMAKE_BINARY_DIR}/${flat}
    BYPRODUCTS ${CMAKE_BINARY_DIR}/${flat}
    VERBATIM)

  foreach(each ${target}_pass1 ${target})
    target_link_libraries(${each} PRIVATE ${arg_DEPENDS} kyu_flags)
    # Functions whose unwind tables are equal keep an entry each: the walk of a stack needs to know
    # where a function begins.
    target_link_options(${each} PRIVATE -T${arg_SCRIPT} -Wl,--orphan-handling=warn
      -Wl,--no-merge-exidx-entries)
    set_property(TARGET ${each} APPEND PROPERTY LINK_DEPENDS ${arg_SCRIPT})
  endforeach()
endfunction()
