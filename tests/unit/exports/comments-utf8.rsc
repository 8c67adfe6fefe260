# SPDX-License-Identifier: GPL-2.0
/interface ipip
add comment="Z\C3\BCrich \E2\82\AC" name=z remote-address=192.0.2.40
add comment="K\F6ln" name=k remote-address=192.0.2.41
add comment="tab\there\r\nquestion\? under\_score" name=t remote-address=192.0.2.42
