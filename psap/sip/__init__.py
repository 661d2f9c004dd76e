"""SIP telephones made of SIPp and a little RTP: what ``./112 call`` and the tests share."""
