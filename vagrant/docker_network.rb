# The network of the provider docker. Vagrant's own would be a second one beside Docker's default network, which not
# every engine has.

require "ipaddr"

module DockerNetwork
  NAME = "mesosctl-vagrant"
  LOCK = Mutex.new # machines come up side by side

  class Failed < Vagrant::Errors::VagrantError
    def initialize(said)
      @said = said
      super()
    end

    def error_message
      "Docker does not make the network #{NAME}: #{@said}"
    end
  end

  # Makes the network, with the /24 of an address, where it is missing.
  def self.make(address)
    LOCK.synchronize do
      next if docker("network", "inspect", NAME).exit_code.zero?
      done = docker("network", "create", "--subnet=#{IPAddr.new(address).mask(24)}/24", NAME)
      raise Failed, done.stderr unless done.exit_code.zero?
    end
  end

  # Removes the network once it has no machine, running or not.
  def self.remove
    LOCK.synchronize do
      docker("network", "rm", NAME) if docker("ps", "--all", "--quiet", "--filter", "network=#{NAME}").stdout.empty?
    end
  end

  def self.docker(*arguments)
    Vagrant::Util::Subprocess.execute("docker", *arguments, env: Vagrant.original_env)
  end
end
