# The network of the provider docker. Vagrant's own would be a second one beside Docker's default network, which not
# every engine has. It is the /24 that an address is in.

require "ipaddr"

module DockerNetwork
  LOCK = Mutex.new # machines come up side by side

  class Failed < Vagrant::Errors::VagrantError
    def initialize(said)
      @said = said
      super()
    end

    def error_message
      "Docker does not make the network for the machines: #{@said}"
    end
  end

  def self.name(address)
    "mesosctl-vagrant-#{subnet(address)}"
  end

  # Makes the network where it is missing.
  def self.make(address)
    LOCK.synchronize do
      next if docker("network", "inspect", name(address)).exit_code.zero?
      done = docker("network", "create", "--subnet=#{subnet(address)}/24", name(address))
      raise Failed, done.stderr unless done.exit_code.zero?
    end
  end

  # Removes the network once it has no machine, running or not.
  def self.remove(address)
    LOCK.synchronize do
      machines = docker("ps", "--all", "--quiet", "--filter", "network=#{name(address)}")
      docker("network", "rm", name(address)) if machines.stdout.empty?
    end
  end

  def self.subnet(address)
    IPAddr.new(address).mask(24)
  end

  def self.docker(*arguments)
    Vagrant::Util::Subprocess.execute("docker", *arguments, env: Vagrant.original_env)
  end
end
