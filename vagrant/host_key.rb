# Lets mesosctl trust a machine that is up by the key that the machine itself names, asked over Vagrant's own connection.

module HostKey
  class Untrusted < Vagrant::Errors::VagrantError
    def initialize(said)
      @said = said
      super()
    end

    def error_message
      "mesosctl does not trust the machine's SSH key:\n#{@said}"
    end
  end

  # Runs `mesosctl hosts trust`, or says how to where there is no mesosctl. A machine made anew has a new key: it takes
  # the old one's place.
  def self.trust(machine, name, inventory)
    command = ["mesosctl", "hosts", "trust", inventory, "--limit", name]
    command += fingerprints(machine).flat_map { |fingerprint| ["--expect", "#{name}=#{fingerprint}"] }
    unless Vagrant::Util::Which.which("mesosctl")
      machine.ui.warn("mesosctl is not on the PATH. Before it comes here:\n#{command.join(" ")}")
      return
    end
    done = Vagrant::Util::Subprocess.execute(*command, env: Vagrant.original_env)
    raise Untrusted, done.stdout + done.stderr unless done.exit_code.zero?
    machine.ui.info("mesosctl trusts the machine's SSH key.")
  end

  def self.fingerprints(machine)
    said = +""
    list = "for key in /etc/ssh/ssh_host_*_key.pub; do ssh-keygen -l -f $key; done"
    machine.communicate.execute(list) { |stream, data| said << data if stream == :stdout }
    said.scan(/SHA256:\S+/)
  end
end
