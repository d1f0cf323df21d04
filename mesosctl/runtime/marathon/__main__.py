"""`python -m mesosctl.runtime.marathon`"""

from mesosctl.runtime.marathon.program import main

main()
