# SPDX-License-Identifier: GPL-2.0
# a comment that ends in a backslash \
/interface ipip
  # and another one \
add name=after remote-address=192.0.2.1
add comment="two\\\\" name=two remote-address=192.0.2.2
add comment="\\\
    one" name=one remote-address=192.0.2.3
add comment="\\\\\
    # no comment" name=none remote-address=192.0.2.4
