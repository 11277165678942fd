using System.Runtime.InteropServices;
using System.Text;
using Sluice.Formats.Trees;

namespace Sluice.Build.Unpack;

/// <summary>
/// Gives a new file its owner, mode, extended attributes and times, in the order that works: a change of owner clears setuid bits and
/// capabilities, a change of anything but the times moves nothing that is set later. What the user may not do becomes a warning.
/// </summary>
internal sealed unsafe class InodeAttributes(UnpackWarnings warnings)
{
    private const ushort SetIdBits = 0xC00; // 06000

    /// <param name="name">In <paramref name="directory"/>, with a zero byte at the end; a file that the caller has just made.</param>
    public void Set(int directory, byte[] name, Inode inode, string path)
    {
        fixed (byte* pointer = name)
        {
            bool owned = Posix.ChangeOwnerAt(directory, pointer, inode.UserId, inode.GroupId, Posix.LinkNoFollow) == 0;
            if (!owned) Refused("the owner could not be set", path);
            foreach (ExtendedAttribute attribute in inode.ExtendedAttributes) SetAttribute(directory, name, attribute, path);
            if (inode.Type != FileType.SymbolicLink)
            {
                // A setuid file of another user would become one of the user who unpacks.
                uint mode = owned ? inode.Mode : (uint)(inode.Mode & ~SetIdBits);
                if (Posix.ChangeModeAt(directory, pointer, mode, 0) != 0) Refused("the mode could not be set", path);
            }

            Posix.TimeSpec* times = stackalloc Posix.TimeSpec[2];
            times[0] = times[1] = new Posix.TimeSpec { Seconds = inode.ModificationTime.Seconds, Nanoseconds = inode.ModificationTime.Nanoseconds };
            if (Posix.SetTimesAt(directory, pointer, times, Posix.LinkNoFollow) != 0) Refused("the time could not be set", path);
        }
    }

    /// <summary>There is no call for attributes by directory and name: the directory's own entry in /proc serves, and its last step follows no link.</summary>
    private void SetAttribute(int directory, byte[] name, ExtendedAttribute attribute, string path)
    {
        byte[] prefix = Encoding.ASCII.GetBytes($"/proc/self/fd/{directory}/");
        byte[] full = [.. prefix, .. name];
        fixed (byte* pathPointer = full, namePointer = OpenDirectories.ZeroTerminated(attribute.Name), value = attribute.Value)
        {
            if (Posix.SetAttribute(pathPointer, namePointer, value, (nuint)attribute.Value.Length, 0) != 0)
            {
                Refused($"the attribute {attribute.Name} could not be set", path);
            }
        }
    }

    private void Refused(string what, string path)
    {
        int error = Marshal.GetLastPInvokeError();
        if (error is not (Posix.NotPermitted or Posix.Access or Posix.Invalid or Posix.NotSupported)) throw OpenDirectories.Failure(path);
        warnings.Add($"{what} ({Marshal.GetPInvokeErrorMessage(error)})", path);
    }
}
